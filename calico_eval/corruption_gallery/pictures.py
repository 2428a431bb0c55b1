"""Small pictures of a frame's sensors, drawn alike before and after a corruption."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from calico.draw.bev import draw_rings, to_pixels
from calico.draw.cameras import view_rows
from calico.draw.style import PAPER, Color, Point, paint_dots, ramp_colors
from calico.frame import Bool, Float64, Frame, UInt8
from calico.geometry.boxes import box_corners, points_in_boxes
from calico.geometry.camera import project_points

RANGE_M = 32.0
"""Half of the side of the square that the overview shows [m]."""
NEAR_M, FAR_M = 4.0, 22.0
"""Distances between which the object of the close-up is chosen [m]."""
CLOSE_M = (12.0, 6.0)
"""Length and width of what the close-up shows [m]."""
GAP_PX = 4
BOX: Color = (20, 20, 24)
NO_VIEW: Color = (232, 235, 240)
DEPTH_M = 40.0


@dataclass(frozen=True)
class Focus:
    """The place and the colours of the close-up.

    Attributes:
        middle: (3,) x, y, z of its middle [m].
        yaw: Direction of its forward axis [rad].
        intensity: Intensity of the last colour.
    """

    middle: Float64
    yaw: float
    intensity: float


def choose_focus(frame: Frame) -> Focus:
    """Choose the labelled object at 4 to 22 m with the most points, or a place 10 m ahead."""
    boxes = frame.boxes.boxes.astype(np.float64)
    distance = np.hypot(boxes[:, 0], boxes[:, 1])
    near = np.flatnonzero((distance >= NEAR_M) & (distance <= FAR_M))
    level = float(np.quantile(frame.points[:, 3], 0.98)) if len(frame.points) else 0.0
    if not len(near):
        return Focus(np.array([10.0, 0.0, 0.0]), 0.0, level or 1.0)
    counts = points_in_boxes(frame.points, boxes[near]).sum(axis=1)
    box = boxes[near[int(counts.argmax())]]
    return Focus(box[:3], float(box[6]), level or 1.0)


def draw_views(frame: Frame, width_px: int, *, points: bool = False) -> UInt8:
    """Draw all views in rows, without boxes.

    Args:
        frame: Frame with images.
        width_px: Width of the picture.
        points: Whether the LiDAR points are drawn by depth, to show errors of the calibration.

    Returns:
        (H, width_px, 3) picture.
    """
    rows = view_rows(frame)
    tile = (width_px - GAP_PX * (max(len(row) for row in rows) - 1)) // max(
        len(row) for row in rows
    )
    bands = [[_view(frame, view, tile, points) for view in row] for row in rows]
    heights = [max(view.height for view in band) for band in bands]
    picture = Image.new("RGB", (width_px, sum(heights) + GAP_PX * (len(bands) - 1)), NO_VIEW)
    top = 0
    for band, height in zip(bands, heights, strict=True):
        for column, view in enumerate(band):
            picture.paste(view, (column * (tile + GAP_PX), top))
        top += height + GAP_PX
    return np.asarray(picture)


def draw_front_view(frame: Frame, width_px: int, *, points: bool = False) -> UInt8:
    """Draw the foremost view alone.

    Args:
        frame: Frame with images.
        width_px: Width of the picture.
        points: Whether the LiDAR points are drawn by depth.

    Returns:
        (H, width_px, 3) picture.
    """
    return np.asarray(
        _view(frame, view_rows(frame)[0][len(view_rows(frame)[0]) // 2], width_px, points)
    )


def _view(frame: Frame, view: int, width_px: int, points: bool) -> Image.Image:
    image = Image.fromarray(frame.images[view])
    scale = width_px / image.width
    size = (width_px, max(1, round(image.height * scale)))
    canvas = np.array(
        image.resize(size, Image.Resampling.BOX if scale < 1 else Image.Resampling.NEAREST)
    )
    if points:
        shrink = np.diag([scale, scale, 1.0, 1.0])
        shrink[:2, 2] = 0.5 * scale - 0.5
        pixels, depth, visible = project_points(
            shrink @ frame.image_from_lidar[view], frame.points, (size[1], size[0])
        )
        order = np.flatnonzero(visible)[np.argsort(-depth[visible], kind="stable")]
        paint_dots(canvas, pixels[order], ramp_colors(depth[order] / DEPTH_M), 2)
    return Image.fromarray(canvas)


def draw_lidar(frame: Frame, focus: Focus, height_px: int) -> UInt8:
    """Draw the overview from above (forward is up), and beside it the close-up of an object.

    The close-up shows 12 x 6 m from above and, below, the same from its side; its forward is to the
    right. Colour is the intensity, violet to red, with the same scale in every picture. Boxes are
    the frame's labels.

    Args:
        frame: Frame with points.
        focus: Place of the close-up.
        height_px: Height of the picture.

    Returns:
        (height_px, 2 * height_px, 3) picture.
    """
    half = height_px // 2
    left = draw_overview(frame, focus, height_px)
    above, side = draw_object(frame, focus, 2 * half)
    right = np.vstack([above[:half], side[:half]])
    picture = np.full((height_px, 2 * height_px, 3), PAPER, np.uint8)
    picture[:, :height_px] = left
    picture[: 2 * half, height_px : height_px + right.shape[1]] = right
    picture[:, height_px] = picture[half, height_px:] = NO_VIEW
    return picture


def draw_overview(frame: Frame, focus: Focus, size_px: int) -> UInt8:
    """Draw 64 x 64 m from above.

    Args:
        frame: Frame with points.
        focus: Colours.
        size_px: Width and height of the picture.

    Returns:
        (size_px, size_px, 3) picture.
    """
    scale = size_px / (2 * RANGE_M)
    canvas = np.full((size_px, size_px, 3), PAPER, np.uint8)
    image = Image.fromarray(canvas)
    draw_rings(ImageDraw.Draw(image), RANGE_M, scale)
    canvas = np.array(image)
    paint_dots(canvas, to_pixels(frame.points[:, :2], RANGE_M, scale), _colors(frame, focus), 1)
    image = Image.fromarray(canvas)
    draw = ImageDraw.Draw(image)
    for quad in box_corners(frame.boxes.boxes)[:, :4, :2]:
        _outline(draw, to_pixels(quad, RANGE_M, scale))
    return np.asarray(image)


def draw_object(frame: Frame, focus: Focus, width_px: int) -> tuple[UInt8, UInt8]:
    """Draw 12 x 6 m around an object from above and from the side.

    The side view shows what is within 3 m of the middle.

    Args:
        frame: Frame with points.
        focus: Place and colours.
        width_px: Width of the pictures.

    Returns:
        Two pictures (width_px / 2, width_px, 3).
    """
    scale = width_px / CLOSE_M[0]
    local, corners = (
        _local(frame.points[:, :3], focus),
        _local(box_corners(frame.boxes.boxes).reshape(-1, 3), focus),
    )
    near: Bool = (abs(local[:, 0]) < CLOSE_M[0] / 2) & (abs(local[:, 1]) < CLOSE_M[1] / 2)
    colors = _colors(frame, focus)[near]
    pictures = []
    for axis, up in ((1, CLOSE_M[1] / 2), (2, CLOSE_M[1] * 0.7)):
        canvas = np.full((width_px // 2, width_px, 3), PAPER, np.uint8)
        paint_dots(canvas, _flat(local[near], axis, up, scale), colors, 2)
        image = Image.fromarray(canvas)
        draw = ImageDraw.Draw(image)
        for box in corners.reshape(-1, 8, 3):
            if (abs(box[:, :2]).min(axis=0) < 6).all() and (
                axis == 1 or abs(box[:, 1].mean()) < CLOSE_M[1] / 2
            ):
                quad = box[:4] if axis == 1 else box[[0, 3, 7, 4]]
                _outline(draw, _flat(quad, axis, up, scale))
        pictures.append(np.asarray(image))
    return pictures[0], pictures[1]


def _local(xyz: npt.NDArray[np.floating], focus: Focus) -> Float64:
    """Move points (N, 3) into the close-up's frame: x forward, y left, z up from its middle."""
    delta = xyz.astype(np.float64) - focus.middle
    c, s = np.cos(focus.yaw), np.sin(focus.yaw)
    return np.stack(
        [c * delta[:, 0] + s * delta[:, 1], c * delta[:, 1] - s * delta[:, 0], delta[:, 2]], axis=1
    )


def _flat(local: Float64, axis: int, up_m: float, scale: float) -> Float64:
    """Compute picture coordinates (N, 2): forward to the right, `axis` up from the edge `up_m`."""
    return np.stack(
        [(local[:, 0] + CLOSE_M[0] / 2) * scale, (up_m - local[:, axis]) * scale], axis=1
    )


def _colors(frame: Frame, focus: Focus) -> UInt8:
    return ramp_colors(frame.points[:, 3] / focus.intensity)


def _outline(draw: ImageDraw.ImageDraw, quad: Float64) -> None:
    edge: list[Point] = [(float(u), float(v)) for u, v in quad]
    draw.line([*edge, edge[0]], fill=BOX, width=1)
