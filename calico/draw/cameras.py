"""A frame through its cameras: images in a grid, boxes as wireframes, LiDAR points if wanted."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from calico.draw.style import (
    PAPER,
    Captions,
    Color,
    Drawn,
    Point,
    draw_stroke,
    ground_truth,
    load_font,
    paint_dots,
    predicted_boxes,
    ramp_colors,
)
from calico.errors import CalicoError
from calico.frame import Float64, Frame, UInt8
from calico.geometry.boxes import box_corners
from calico.geometry.camera import project_points
from calico.predictions import Predictions

EDGES = (
    (0, 1),
    (1, 2),
    (2, 3),
    (3, 0),
    (4, 5),
    (5, 6),
    (6, 7),
    (7, 4),
    (0, 4),
    (1, 5),
    (2, 6),
    (3, 7),
)
"""Of a box, as indices into `geometry.boxes.box_corners`."""
NEAR_M = 0.1
GAP_PX = 4
POINT_RANGE_M = 50.0
MIN_CAPTION_PX = 16
CAPTION_PX, TITLE_PX = (8.0, 12.0), (10.0, 16.0)
"""Smallest and largest text: a view that fills the picture needs no larger letters than one of
six."""


def draw_cameras(
    frame: Frame,
    predictions: Predictions | None = None,
    *,
    width_px: int = 1440,
    points: bool = False,
    score_threshold: float = 0.2,
) -> UInt8:
    """Draw all views with their boxes, sorted by where they look.

    Views that look forward stand above, those that look back below, each from left to right, up to
    three in a row. Ground truth is solid, predictions are dashed with their score. A line on the
    floor of a box points to its front.

    Args:
        frame: Frame to draw.
        predictions: Predictions to draw. None draws none.
        width_px: Width of the whole picture [px].
        points: Overlay the LiDAR points, coloured by depth from 0 (violet) to 50 m (red).
        score_threshold: Predictions below it are left out.

    Returns:
        (H, width_px, 3) uint8 RGB.

    Raises:
        CalicoError: The frame has no images.
    """
    if not frame.images:
        raise CalicoError(f"frame {frame.token}: has no images, expected at least one camera")
    layers = [ground_truth(frame.boxes, frame.taxonomy.names)]
    if predictions is not None:
        layers.append(predicted_boxes(predictions, score_threshold, frame.taxonomy.names))
    rows = view_rows(frame)
    columns = max(len(row) for row in rows)
    tile = (width_px - GAP_PX * (columns - 1)) // columns
    tops, bands = 0, []
    for row in rows:
        views = [_draw_view(frame, view, layers, tile, points) for view in row]
        bands.append((tops, views))
        tops += max(view.height for view in views) + GAP_PX
    picture = Image.new("RGB", (width_px, tops - GAP_PX), PAPER)
    for top, views in bands:
        for column, view in enumerate(views):
            picture.paste(view, (column * (tile + GAP_PX), top))
    return np.asarray(picture)


def view_headings(frame: Frame) -> Float64:
    """Return the (V,) headings of the optical axes, counter-clockwise from forward [rad]."""
    return np.arctan2(frame.camera_T_lidar[:, 2, 1], frame.camera_T_lidar[:, 2, 0])


def view_rows(frame: Frame) -> list[list[int]]:
    """List the views of each row of the picture.

    The more forward half comes first, then the others, each from left to right. Up to three views
    stand in one row, those that look back last.
    """
    heading = view_headings(frame)
    order = [int(i) for i in np.argsort(np.round(abs(heading), 3), kind="stable")]
    few = len(order) <= 3
    top = int((abs(heading) < np.deg2rad(100)).sum()) if few else (len(order) + 1) // 2
    front = sorted(order[:top], key=lambda view: -heading[view])
    back = sorted(order[top:], key=lambda view: heading[view] % (2 * np.pi))
    return [front + back] if few else [front, back]


def view_name(heading_rad: float) -> str:
    """Name a heading [rad], e.g. 'front left' for 55 degrees, 'left' for 90."""
    angle = abs(float(np.degrees(heading_rad)))
    side = "left" if heading_rad > 0 else "right"
    for limit, name in (
        (20.0, "front"),
        (80.0, f"front {side}"),
        (100.0, side),
        (160.0, f"back {side}"),
    ):
        if angle <= limit:
            return name
    return "back"


def _draw_view(
    frame: Frame, view: int, layers: list[Drawn], width_px: int, points: bool
) -> Image.Image:
    source = Image.fromarray(frame.images[view])
    scale = width_px / source.width
    size = (width_px, max(1, round(source.height * scale)))
    shrink = np.eye(4)
    shrink[0, 0] = shrink[1, 1] = scale
    shrink[:2, 2] = 0.5 * scale - 0.5  # pixel centres stay pixel centres
    image_from_lidar = shrink @ frame.image_from_lidar[view]
    canvas = np.array(source.resize(size, Image.Resampling.BILINEAR))
    if points:
        _paint_points(canvas, frame, image_from_lidar)
    image = Image.fromarray(canvas)
    draw = ImageDraw.Draw(image)
    heading = float(view_headings(frame)[view])
    title = load_font(_text_size(width_px / 34, TITLE_PX))
    draw.text(
        (6, 4), view_name(heading), fill=PAPER, font=title, stroke_width=2, stroke_fill=(0, 0, 0)
    )
    captions = Captions(draw, size_px=_text_size(width_px / 44, CAPTION_PX))
    for caption in [
        caption for layer in layers for caption in _draw_boxes(draw, layer, image_from_lidar, size)
    ]:
        captions.put(*caption)
    return image


def _text_size(wanted_px: float, limits_px: tuple[float, float]) -> float:
    return min(max(wanted_px, limits_px[0]), limits_px[1])


def _paint_points(canvas: UInt8, frame: Frame, image_from_lidar: Float64) -> None:
    pixels, depth, visible = project_points(
        image_from_lidar, frame.points, (canvas.shape[0], canvas.shape[1])
    )
    far_first = np.argsort(-depth[visible], kind="stable")
    paint_dots(
        canvas,
        pixels[visible][far_first],
        ramp_colors(depth[visible][far_first] / POINT_RANGE_M),
        2,
    )


def _draw_boxes(
    draw: ImageDraw.ImageDraw, layer: Drawn, image_from_lidar: Float64, size_wh: tuple[int, int]
) -> list[tuple[Point, str, Color]]:
    """Draw wireframes, the farthest first.

    Return the captions, the nearest first.

    Captions stand above the boxes of ground truth and below those of predictions. Boxes that are
    lower than a caption get none.
    """
    spans = _wireframes(layer.boxes) @ image_from_lidar[:3, :3].T + image_from_lidar[:3, 3]
    captions: list[tuple[Point, str, Color]] = []
    for index in np.argsort(-spans[:, :, :, 2].mean(axis=(1, 2)), kind="stable"):
        ends: list[Point] = []
        for span in spans[index]:
            segment = clip_segment(span, size_wh)
            if segment is not None:
                draw_stroke(draw, segment[0], segment[1], layer.colors[index], 2, layer.dashed)
                ends += segment
        us, vs = [u for u, _ in ends] or [0.0], [v for _, v in ends] or [0.0]
        v = max(vs) + 7 if layer.dashed else min(vs) - 7
        if max(vs) - min(vs) > MIN_CAPTION_PX and 8 < v < size_wh[1] - 8:
            captions.append(
                (((min(us) + max(us)) / 2, v), layer.captions[index], layer.colors[index])
            )
    return captions[::-1]


def _wireframes(boxes: npt.NDArray[np.floating]) -> Float64:
    """Return the (M, 13, 2, 3) ends of the lines of boxes [m].

    They are the twelve edges and the line from the middle of the floor to its front.
    """
    corner = box_corners(boxes)
    edges = corner[:, np.asarray(EDGES)]
    floor = corner[:, :4].mean(axis=1)
    front = corner[:, :2].mean(axis=1)
    return np.concatenate([edges, np.stack([floor, front], axis=1)[:, None]], axis=1)


def clip_segment(span: Float64, size_wh: tuple[int, int]) -> list[Point] | None:
    """Cut a segment to its visible part, in pixels, or return None if nothing of it is visible.

    Args:
        span: (2, 3) its ends as u*d, v*d, d. The part nearer than 0.1 m is cut off before the
            division.
        size_wh: width and height of the image [px].
    """
    near, far = (span[0], span[1]) if span[0, 2] <= span[1, 2] else (span[1], span[0])
    if far[2] <= NEAR_M:
        return None
    if near[2] < NEAR_M:
        near = near + (far - near) * (NEAR_M - near[2]) / (far[2] - near[2])
    start, end = near[:2] / near[2], far[:2] / far[2]
    enter, leave = 0.0, 1.0
    for axis, limit in enumerate(size_wh):
        delta = end[axis] - start[axis]
        for sign, bound in ((-1.0, 0.0), (1.0, float(limit - 1))):
            room, speed = sign * (bound - start[axis]), sign * delta
            if speed == 0.0 and room < 0:
                return None
            if speed > 0:
                leave = min(leave, room / speed)
            elif speed < 0:
                enter = max(enter, room / speed)
    if enter >= leave:
        return None
    first, last = start + (end - start) * enter, start + (end - start) * leave
    return [(float(first[0]), float(first[1])), (float(last[0]), float(last[1]))]
