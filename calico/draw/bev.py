"""A frame from above: map, points, boxes. Forward (x) is up, left (y) is left."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from calico.draw.style import (
    INK,
    PAPER,
    Captions,
    Color,
    Drawn,
    draw_stroke,
    ground_truth,
    load_font,
    paint_dots,
    predicted_boxes,
)
from calico.errors import CalicoError
from calico.frame import Bool, Float64, Frame, UInt8
from calico.geometry.boxes import box_corners
from calico.geometry.grid import Grid
from calico.predictions import Predictions
from calico.taxonomy import Taxonomy

MAP_COLORS: tuple[tuple[str, Color], ...] = (
    ("drivable_area", (232, 234, 238)),
    ("carpark_area", (214, 222, 244)),
    ("walkway", (222, 238, 216)),
    ("ped_crossing", (250, 226, 170)),
    ("stop_line", (246, 186, 180)),
    ("divider", (170, 178, 192)),
)
"""Names of map areas to their colours, in painting order."""
OTHER_MAP_COLORS: tuple[Color, ...] = (
    (206, 226, 232),
    (232, 214, 236),
    (226, 226, 190),
)
"""Of map classes that are none of these areas and made of none of them."""
UNKNOWN_COLOR: Color = (248, 246, 240)
SUPERSAMPLE = 2
LEGEND_PX = 40
MIN_ARROW_M_S = 0.2


def draw_bev(
    frame: Frame,
    predictions: Predictions | None = None,
    *,
    range_m: float = 40.0,
    size_px: int = 640,
    map_grid: Grid | None = None,
    predicted_map: bool = False,
    score_threshold: float = 0.2,
) -> UInt8:
    """Draw a square from -range_m to range_m from above, with a legend below.

    Points are coloured by height (grey on the ground to dark blue). Ground truth boxes are solid,
    predicted ones dashed with their score. A tick shows the heading and an arrow where the object
    is one second later.

    Args:
        frame: Frame to draw.
        predictions: Predictions to draw. None draws none.
        range_m: Half of the square's side [m].
        size_px: Side of the square in the picture [px].
        map_grid: Grid of the map masks. None leaves the map out.
        predicted_map: Paint predictions.map_probs (above one half) instead of the frame's own map.
        score_threshold: Predictions below it are left out.

    Returns:
        (size_px + 40, size_px, 3) uint8 RGB.
    """
    scale = size_px * SUPERSAMPLE / (2 * range_m)
    canvas = np.full((size_px * SUPERSAMPLE, size_px * SUPERSAMPLE, 3), PAPER, np.uint8)
    masks = _map_masks(frame, predictions, predicted_map) if map_grid is not None else None
    if map_grid is not None and masks is not None:
        known = None if predicted_map else frame.map_known
        _paint_map(canvas, masks, known, map_grid, range_m, frame.taxonomy)
    _paint_points(canvas, frame, range_m, scale)
    image = Image.fromarray(canvas)
    draw = ImageDraw.Draw(image)
    draw_rings(draw, range_m, scale)
    layers = [ground_truth(frame.boxes, frame.taxonomy.names)]
    if predictions is not None:
        layers.append(predicted_boxes(predictions, score_threshold, frame.taxonomy.names))
    for layer in layers:
        _draw_boxes(draw, layer, range_m, scale)
    picture = Image.new("RGB", (size_px, size_px + LEGEND_PX), PAPER)
    picture.paste(image.resize((size_px, size_px), Image.Resampling.BOX))
    _write(picture, layers, range_m, size_px)
    map_name = "predicted map" if predicted_map else "map"
    _draw_legend(picture, size_px, frame.taxonomy if masks is not None else None, map_name)
    return np.asarray(picture)


def map_colors(taxonomy: Taxonomy) -> list[tuple[int, str, Color]]:
    """List index, name and colour of every map class, in painting order."""
    areas = [name for name, _ in MAP_COLORS]
    found, others = [], 0
    for index, one in enumerate(taxonomy.map_classes):
        known = [areas.index(name) for name in (one.name, *one.sources) if name in areas]
        if known:
            found.append((known[0], index, one.name, MAP_COLORS[known[0]][1]))
        else:
            color = OTHER_MAP_COLORS[others % len(OTHER_MAP_COLORS)]
            found.append((len(areas) + others, index, one.name, color))
            others += 1
    return [(index, name, color) for _, index, name, color in sorted(found)]


def _map_masks(frame: Frame, predictions: Predictions | None, predicted_map: bool) -> Bool | None:
    if not predicted_map:
        return frame.map_masks
    if predictions is None or predictions.map_probs is None:
        raise CalicoError(
            f"frame {frame.token}: predicted_map is set, but there are no predictions with "
            f"map_probs"
        )
    return predictions.map_probs > 0.5


def to_pixels(xy: npt.NDArray[np.floating], range_m: float, scale: float) -> Float64:
    """Convert points to picture coordinates.

    Args:
        xy: (N, 2) points [m].
        range_m: Half of the picture's side [m].
        scale: Pixels per metre.

    Returns:
        (N, 2) u, v [px].
    """
    return np.stack([(range_m - xy[:, 1]) * scale, (range_m - xy[:, 0]) * scale], axis=-1).astype(
        np.float64
    )


def _paint_map(
    canvas: UInt8,
    masks: Bool,
    known: Bool | None,
    grid: Grid,
    range_m: float,
    taxonomy: Taxonomy,
) -> None:
    """Looks up the map cell of every pixel and paints its classes, the finest last."""
    if masks.shape[1:] != grid.shape:
        raise CalicoError(
            f"draw_bev: map of {masks.shape[1:]} cells, but map_grid has {grid.shape}"
        )
    side = len(canvas)
    along = range_m - (np.arange(side) + 0.5) * (2 * range_m / side)
    x, y = np.meshgrid(along, along, indexing="ij")
    rows, columns, inside = grid.locate_cells(np.stack([x.ravel(), y.ravel()], axis=-1))
    flat = canvas.reshape(-1, 3)
    where = np.flatnonzero(inside)
    rows, columns = rows[inside], columns[inside]
    if known is not None:
        flat[where[~known[rows, columns]]] = UNKNOWN_COLOR
    for index, _, color in map_colors(taxonomy):
        if index < len(masks):
            flat[where[masks[index][rows, columns]]] = color


def _paint_points(canvas: UInt8, frame: Frame, range_m: float, scale: float) -> None:
    points = frame.points[np.argsort(frame.points[:, 2], kind="stable")]
    share = np.clip((points[:, 2:3] + 2.0) / 4.0, 0.0, 1.0)
    low, high = np.array([176, 182, 190.0]), np.array([20, 40, 96.0])
    paint_dots(
        canvas,
        to_pixels(points[:, :2], range_m, scale),
        (low + share * (high - low)).astype(np.uint8),
        SUPERSAMPLE,
    )


def _ring_step_m(range_m: float) -> float:
    return next((step for step in (1.0, 2.0, 5.0, 10.0, 20.0) if range_m / step <= 6), 50.0)


def draw_rings(draw: ImageDraw.ImageDraw, range_m: float, scale: float) -> None:
    """Draw circles of equal distance and, in the middle, the vehicle as an arrow.

    Args:
        draw: Picture to draw on.
        range_m: Half of the picture's side [m].
        scale: Pixels per metre.
    """
    center = range_m * scale
    step = _ring_step_m(range_m)
    for radius in np.arange(step, range_m * 1.42, step) * scale:
        draw.ellipse(
            (center - radius, center - radius, center + radius, center + radius),
            outline=(200, 205, 212),
        )
    car = to_pixels(np.array([[2.2, 0.0], [-1.6, 0.9], [-1.0, 0.0], [-1.6, -0.9]]), range_m, scale)
    draw.polygon([tuple(p) for p in car], fill=INK)


def label_rings(captions: Captions, range_m: float, size_px: int) -> None:
    """Write the distance on each ring, ahead of the vehicle.

    Args:
        captions: Captions of the picture.
        range_m: Half of the picture's side [m].
        size_px: Side of the picture [px].
    """
    step = _ring_step_m(range_m)
    for radius in np.arange(step, range_m, step):
        captions.put(
            (size_px / 2, size_px / 2 - radius * size_px / (2 * range_m)),
            f"{radius:g} m",
            (120, 128, 138),
        )


def _draw_boxes(draw: ImageDraw.ImageDraw, layer: Drawn, range_m: float, scale: float) -> None:
    width = (1 if layer.dashed else 2) * SUPERSAMPLE
    for box, quad, color in zip(
        layer.boxes, box_corners(layer.boxes)[:, :4, :2], layer.colors, strict=True
    ):
        edge = [(float(u), float(v)) for u, v in to_pixels(quad, range_m, scale)]
        for start, end in zip(edge, edge[1:] + edge[:1], strict=True):
            draw_stroke(draw, start, end, color, width, layer.dashed)
        moving = np.isfinite(box[7:9]).all() and np.hypot(*box[7:9]) > MIN_ARROW_M_S
        nose_m = (quad[0] + quad[1]) / 2
        ahead_m = nose_m + box[7:9] if moving else nose_m
        middle, nose, ahead = to_pixels(np.stack([box[:2], nose_m, ahead_m]), range_m, scale)
        draw.line([tuple(middle), tuple(nose)], fill=color, width=SUPERSAMPLE)
        if moving:
            draw.line([tuple(nose), tuple(ahead)], fill=color, width=SUPERSAMPLE)
            _arrow_head(draw, nose, ahead, color)


def _arrow_head(draw: ImageDraw.ImageDraw, start: Float64, end: Float64, color: Color) -> None:
    along = (end - start) / max(float(np.linalg.norm(end - start)), 1e-9) * 5 * SUPERSAMPLE
    across = np.array([-along[1], along[0]]) * 0.45
    draw.polygon([tuple(end), tuple(end - along + across), tuple(end - along - across)], fill=color)


def _write(picture: Image.Image, layers: list[Drawn], range_m: float, size_px: int) -> None:
    """Write the labels of the rings, and the captions of the boxes that fit."""
    draw = ImageDraw.Draw(picture)
    scale = size_px / (2 * range_m)
    captions = Captions(draw, size_px=max(9.0, size_px / 64))
    label_rings(captions, range_m, size_px)
    for layer in reversed(layers):
        for box, text, color in zip(
            layer.boxes[::-1], layer.captions[::-1], layer.colors[::-1], strict=True
        ):
            reach = (
                float(abs(np.cos(box[6])) * box[3] + abs(np.sin(box[6])) * box[4]) / 2 * scale + 8
            )
            u, v = to_pixels(box[None, :2], range_m, scale)[0]
            if 0 <= u < size_px and reach <= v < size_px:
                captions.put(
                    (u, v - reach if not layer.dashed else min(v + reach, size_px - 6)), text, color
                )


def _draw_legend(
    picture: Image.Image, size_px: int, taxonomy: Taxonomy | None, map_name: str
) -> None:
    """One row for the strokes and, with a map, one for its classes."""
    draw = ImageDraw.Draw(picture)
    face = load_font(max(8.0, size_px / 58))
    draw.line([(0, size_px), (size_px, size_px)], fill=(200, 205, 212))
    x, y = 8.0, size_px + 11.0
    for text, dashed in (("ground truth", False), ("prediction", True)):
        draw_stroke(draw, (x, y), (x + 26, y), INK, 2 - int(dashed), dashed)
        draw.text((x + 31, y), text, fill=INK, font=face, anchor="lm")
        x += 31 + draw.textlength(text, font=face) + 16
    draw.text(
        (x, y), "tick: heading; arrow: 1 s of motion; up: forward", fill=INK, font=face, anchor="lm"
    )
    if taxonomy is None:
        return
    x, y = 8.0, size_px + 29.0
    draw.text((x, y), map_name, fill=INK, font=face, anchor="lm")
    x += draw.textlength(map_name, font=face) + 10
    for _, name, color in map_colors(taxonomy):
        draw.rectangle((x, y - 5, x + 12, y + 5), fill=color, outline=(150, 156, 166))
        draw.text((x + 16, y), name, fill=INK, font=face, anchor="lm")
        x += 16 + draw.textlength(name, font=face) + 9
