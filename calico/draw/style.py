"""Colours, labels and strokes that both kinds of picture share."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from PIL import ImageDraw, ImageFont

from calico.frame import Bool, Boxes, Float64, UInt8
from calico.predictions import Predictions

Color = tuple[int, int, int]
Point = tuple[float, float]

INK: Color = (38, 44, 52)
PAPER: Color = (255, 255, 255)
CLASS_COLORS: tuple[Color, ...] = (
    (0, 92, 185),
    (0, 128, 118),
    (110, 60, 170),
    (90, 120, 30),
    (176, 104, 0),
    (200, 30, 60),
    (220, 40, 160),
    (150, 30, 120),
    (214, 84, 0),
    (96, 72, 56),
)
"""By index of the detection class, repeated where there are more classes."""
CLASS_CODES = {
    "car": "car",
    "truck": "trk",
    "bus": "bus",
    "trailer": "trl",
    "construction_vehicle": "con",
    "pedestrian": "ped",
    "motorcycle": "mot",
    "bicycle": "bic",
    "traffic_cone": "cone",
    "barrier": "bar",
}
RAMP_STOPS: tuple[Color, ...] = (
    (70, 20, 140),
    (30, 110, 220),
    (20, 180, 160),
    (150, 200, 40),
    (250, 180, 20),
    (220, 50, 30),
)


FARTHEST = 1e4
"""Boxes with a larger number in any column [m, m/s, rad] are not drawn: pixels are counted in
integers."""


@dataclass(frozen=True)
class Drawn:
    """Boxes as they are drawn: solid for ground truth, dashed for predictions.

    Attributes:
        boxes: (M, 9) boxes.
        colors: M colours.
        captions: M captions.
        dashed: Whether the lines are dashed.
    """

    boxes: npt.NDArray[np.floating]
    colors: list[Color]
    captions: list[str]
    dashed: bool


def class_code(label: int, class_names: tuple[str, ...]) -> str:
    """Return a short name of a class, for captions.

    Args:
        label: Index into the class names.
        class_names: Names of the classes.
    """
    name = class_names[label] if 0 <= label < len(class_names) else f"#{label}"
    return CLASS_CODES.get(name, name[:8])


def ground_truth(boxes: Boxes, class_names: tuple[str, ...]) -> Drawn:
    """Return the frame's own boxes as they are drawn.

    Args:
        boxes: Boxes of the frame.
        class_names: Names of the classes.
    """
    labels = [int(label) for label in boxes.labels]
    return Drawn(
        boxes.boxes,
        [_color(k) for k in labels],
        [class_code(k, class_names) for k in labels],
        dashed=False,
    )


def predicted_boxes(
    predictions: Predictions, score_threshold: float, class_names: tuple[str, ...]
) -> Drawn:
    """Return the predictions that reach a threshold as they are drawn.

    The surest come last (on top). Boxes with a size or place beyond every picture are left out.

    Args:
        predictions: Predictions of the frame.
        score_threshold: Lowest score that is drawn.
        class_names: Names of the classes.
    """
    order = np.argsort(predictions.scores, kind="stable")
    near = np.abs(predictions.boxes).max(axis=1, initial=0.0) <= FARTHEST
    order = order[(predictions.scores[order] >= score_threshold) & near[order]]
    labels = [int(label) for label in predictions.labels[order]]
    captions = [
        f"{class_code(k, class_names)} {100 * predictions.scores[i]:.0f}%"
        for k, i in zip(labels, order, strict=True)
    ]
    return Drawn(predictions.boxes[order], [_color(k) for k in labels], captions, dashed=True)


def _color(label: int) -> Color:
    return CLASS_COLORS[label % len(CLASS_COLORS)]


def ramp_colors(values: npt.NDArray[np.floating]) -> UInt8:
    """Return (N, 3) colours of values in 0..1, violet to red.

    Values outside are clipped.
    """
    stops = np.asarray(RAMP_STOPS, np.float64)
    position = np.clip(values, 0.0, 1.0) * (len(stops) - 1)
    colors = [np.interp(position, np.arange(len(stops)), stops[:, channel]) for channel in range(3)]
    return np.stack(colors, axis=-1).astype(np.uint8)


def paint_dots(canvas: UInt8, pixels: Float64, colors: UInt8, side_px: int) -> None:
    """Paint squares at pixels into a canvas in place.

    Later ones lie on top.

    Args:
        canvas: (H, W, 3) picture.
        pixels: (N, 2) u, v [px].
        colors: (N, 3) colours.
        side_px: Side of a square [px].
    """
    height, width = canvas.shape[:2]
    corner = np.floor(pixels - (side_px - 1) / 2).astype(np.int64)
    for dv in range(side_px):
        for du in range(side_px):
            u, v = corner[:, 0] + du, corner[:, 1] + dv
            inside: Bool = (u >= 0) & (u < width) & (v >= 0) & (v < height)
            canvas[v[inside], u[inside]] = colors[inside]


def load_font(size_px: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Return Pillow's own font.

    It needs no file of the system.
    """
    return ImageFont.load_default(size=size_px)


def draw_stroke(
    draw: ImageDraw.ImageDraw, start: Point, end: Point, color: Color, width: int, dashed: bool
) -> None:
    """Draw a straight line.

    Dashed ones have dashes of four and gaps of three widths.

    Args:
        draw: Picture to draw on.
        start: First end [px].
        end: Other end [px].
        color: Colour of the line.
        width: Width of the line [px].
        dashed: Whether the line is dashed.
    """
    if not dashed:
        draw.line([start, end], fill=color, width=width)
        return
    a, b = np.asarray(start), np.asarray(end)
    length = float(np.linalg.norm(b - a))
    for begin in np.arange(0.0, max(length, 1e-9), 7.0 * width):
        stop = min(begin + 4.0 * width, length)
        p, q = a + (b - a) * begin / max(length, 1e-9), a + (b - a) * stop / max(length, 1e-9)
        draw.line([tuple(p), tuple(q)], fill=color, width=width)


@dataclass
class Captions:
    """Writes captions on a picture and leaves out those that would cover an earlier one.

    Attributes:
        draw: Picture to write on.
        size_px: Size of the text [px].
        taken: Rectangles that are taken.
    """

    draw: ImageDraw.ImageDraw
    size_px: float
    taken: list[tuple[float, float, float, float]] = field(default_factory=list)

    def put(self, anchor: Point, text: str, color: Color) -> bool:
        """Centre a text on an anchor, over a white plate.

        Args:
            anchor: Middle of the text [px].
            text: The caption.
            color: Colour of the text.

        Returns:
            False if there is no space for it.
        """
        face = load_font(self.size_px)
        left, top, right, bottom = self.draw.textbbox(anchor, text, font=face, anchor="mm")
        plate = (left - 2, top - 1, right + 2, bottom + 1)
        if plate[0] < 0 or plate[2] > self.draw.im.size[0]:
            return False
        for other in self.taken:
            if (
                plate[0] < other[2]
                and other[0] < plate[2]
                and plate[1] < other[3]
                and other[1] < plate[3]
            ):
                return False
        self.taken.append(plate)
        self.draw.rectangle(plate, fill=PAPER)
        self.draw.text(anchor, text, fill=color, font=face, anchor="mm")
        return True
