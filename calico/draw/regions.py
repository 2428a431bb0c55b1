"""The regions of a frame from above, with the labelled objects for comparison."""

from __future__ import annotations

import colorsys

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from calico.draw.bev import LEGEND_PX, SUPERSAMPLE, draw_rings, label_rings, to_pixels
from calico.draw.style import INK, PAPER, Captions, Color, draw_stroke, load_font, paint_dots
from calico.frame import Frame, Int64, UInt8
from calico.geometry.boxes import box_corners

SEMANTIC_LESS: Color = (196, 200, 206)
MISSED: Color = (214, 30, 40)
WITHOUT_POINTS: Color = (150, 156, 166)


def draw_regions(
    frame: Frame,
    ids: npt.NDArray[np.int32],
    covering: Int64,
    *,
    range_m: float = 40.0,
    size_px: int = 800,
) -> UInt8:
    """Draw a square from -range_m to range_m, forward up, with every region in a colour.

    Other points are grey and labelled boxes are outlines.

    Args:
        frame: Frame with labels.
        ids: (N,) regions of its points, from `calico.regions.find_regions`.
        covering: (M,) from `calico.regions.coverage.covering_regions`. It decides which outlines
            are dark, red or dashed.
        range_m: Half of the square's side [m].
        size_px: Side of the square in the picture [px].

    Returns:
        (size_px + 40, size_px, 3) uint8 RGB.
    """
    side, scale = size_px * SUPERSAMPLE, size_px * SUPERSAMPLE / (2 * range_m)
    canvas = np.full((side, side, 3), PAPER, np.uint8)
    pixels, rich = to_pixels(frame.points[:, :2], range_m, scale), ids >= 0
    grey = np.broadcast_to(np.array(SEMANTIC_LESS, np.uint8), (int((~rich).sum()), 3))
    paint_dots(canvas, pixels[~rich], grey, SUPERSAMPLE)
    paint_dots(
        canvas, pixels[rich], _palette(int(ids.max(initial=-1)) + 1)[ids[rich]], SUPERSAMPLE + 1
    )
    image = Image.fromarray(canvas)
    draw = ImageDraw.Draw(image)
    draw_rings(draw, range_m, scale)
    for quad, region in zip(box_corners(frame.boxes.boxes)[:, :4, :2], covering, strict=True):
        edge = [(float(u), float(v)) for u, v in to_pixels(quad, range_m, scale)]
        color = INK if region >= 0 else MISSED if region == -1 else WITHOUT_POINTS
        for start, end in zip(edge, edge[1:] + edge[:1], strict=True):
            draw_stroke(draw, start, end, color, SUPERSAMPLE, dashed=region == -2)
    picture = Image.new("RGB", (size_px, size_px + LEGEND_PX), PAPER)
    picture.paste(image.resize((size_px, size_px), Image.Resampling.BOX))
    draw = ImageDraw.Draw(picture)
    label_rings(Captions(draw, size_px=max(9.0, size_px / 64)), range_m, size_px)
    _draw_legend(draw, size_px, int(ids.max(initial=-1)) + 1)
    return np.asarray(picture)


def _palette(count: int) -> UInt8:
    """(count, 3) colours.

    Neighbours in number are far apart in hue (steps of the golden ratio).
    """
    colors = [
        colorsys.hsv_to_rgb(0.618034 * k % 1, 1 - 0.35 * (k % 2), 0.85 - 0.3 * (k % 3 == 0))
        for k in range(count)
    ]
    return (np.array(colors).reshape(count, 3) * 255).astype(np.uint8)


def _draw_legend(draw: ImageDraw.ImageDraw, size_px: int, regions: int) -> None:
    face = load_font(max(8.0, size_px / 58))
    draw.line([(0, size_px), (size_px, size_px)], fill=SEMANTIC_LESS)
    text = f"{regions} regions, a colour each; grey: ground, noise, dropped clusters; up: forward"
    draw.text((8.0, size_px + 11.0), text, fill=INK, font=face, anchor="lm")
    x, y = 8.0, size_px + 29.0
    for text, color in (
        ("labelled object, half of its points in one region", INK),
        ("less than half", MISSED),
        ("no points", WITHOUT_POINTS),
    ):
        draw_stroke(draw, (x, y), (x + 26, y), color, 2, dashed=color == WITHOUT_POINTS)
        draw.text((x + 31, y), text, fill=INK, font=face, anchor="lm")
        x += 31 + draw.textlength(text, font=face) + 16
