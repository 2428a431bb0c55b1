"""Overview pictures for the documentation: a group of corruptions at three severities."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from calico.draw.style import INK, PAPER, load_font
from calico.frame import Frame, UInt8
from calico_eval.corruption_gallery.pictures import (
    Focus,
    choose_focus,
    draw_front_view,
    draw_lidar,
    draw_views,
)
from corruptions import Spec, corrupt

SEVERITIES = (1, 3, 5)
TILE_PX, LABEL_PX, GAP_PX = 240, 150, 6
MAX_BYTES = 290_000
QUALITIES = (85, 75, 65, 55, 45, 35, 25)


def draw_sheet(frame: Frame, specs: Sequence[Spec], seed: int) -> bytes:
    """Draw one row per corruption, with its name and severities 1, 3, 5; the clean frame is on top.

    The foremost view is drawn, or all views if a corruption spares some of them, and the LiDAR from
    above with a close-up. Only what the corruption changes is drawn. LiDAR points are on the images
    if the calibration changes.

    Args:
        frame: The clean frame.
        specs: Corruptions.
        seed: Seed of the corruptions.

    Returns:
        A JPEG file below 290 kB.
    """
    focus = choose_focus(frame)
    kinds = [_kind(spec, frame, corrupt(frame, spec.name, 5, seed)) for spec in specs]
    shown = [
        kind
        for kind in ("front", "views", "points", "lidar")
        if any(kind in parts for parts in kinds)
    ]
    rows = [("clean", [_tile(frame, focus, (kind,)) for kind in shown])]
    for spec, kind in zip(specs, kinds, strict=True):
        rows.append(
            (
                spec.name,
                [_tile(corrupt(frame, spec.name, s, seed), focus, kind) for s in SEVERITIES],
            )
        )
    return _jpeg(_assemble(rows))


def _kind(spec: Spec, before: Frame, after: Frame) -> tuple[str, ...]:
    """Choose what to draw: "front" or all "views", the "points" on the front view, the "lidar"."""
    kinds = []
    if "camera" in spec.sensors:
        same = [np.array_equal(a, b) for a, b in zip(before.images, after.images, strict=True)]
        kinds.append("views" if any(same) else "front")
    if "calibration" in spec.sensors:
        kinds.append("points")
    if {"lidar", "labels"} & set(spec.sensors):
        kinds.append("lidar")
    return tuple(kinds)


def _tile(frame: Frame, focus: Focus, kinds: Sequence[str]) -> UInt8:
    """Draw the kinds below each other: (H, 240, 3)."""
    parts = []
    for kind in kinds:
        if kind == "lidar":
            parts.append(draw_lidar(frame, focus, TILE_PX // 2))
        elif kind == "views":
            parts.append(draw_views(frame, TILE_PX))
        else:
            parts.append(draw_front_view(frame, TILE_PX, points=kind == "points"))
    return np.vstack(parts)


def _assemble(rows: Sequence[tuple[str, Sequence[UInt8]]]) -> Image.Image:
    width = LABEL_PX + max(sum(tile.shape[1] + GAP_PX for tile in tiles) for _, tiles in rows)
    heights = [max(tile.shape[0] for tile in tiles) + GAP_PX for _, tiles in rows]
    sheet = Image.new("RGB", (width, sum(heights)), PAPER)
    draw, face, top = ImageDraw.Draw(sheet), load_font(13.0), 0
    for (name, tiles), height in zip(rows, heights, strict=True):
        draw.text(
            (6, top + 6),
            name.replace("_", "_\n") if draw.textlength(name, face) > LABEL_PX - 10 else name,
            INK,
            face,
        )
        left = LABEL_PX
        for tile in tiles:
            sheet.paste(Image.fromarray(tile), (left, top))
            left += tile.shape[1] + GAP_PX
        top += height
    return sheet


def _jpeg(sheet: Image.Image) -> bytes:
    for quality in QUALITIES:
        stream = io.BytesIO()
        sheet.save(stream, "JPEG", quality=quality)
        if stream.tell() <= MAX_BYTES:
            break
    return stream.getvalue()
