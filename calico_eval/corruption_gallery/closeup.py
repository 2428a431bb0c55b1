"""A large picture of one camera under one corruption: clean, and at severities 1, 3, 5."""

from __future__ import annotations

import io

from PIL import Image, ImageDraw

from calico.draw.style import INK, PAPER, load_font
from calico.errors import CalicoError
from calico.frame import Frame
from calico_eval.corruption_gallery.tiles import describe_value
from corruptions import corrupt, find_corruptions

SEVERITIES = (0, 1, 3, 5)
WIDTH_PX, GAP_PX, LABEL_PX = 800, 6, 22


def draw_closeup(frame: Frame, name: str, view: int, seed: int) -> bytes:
    """Draw one camera at four severities, two by two.

    Args:
        frame: The frame, with cameras.
        name: A corruption, or several joined by '+'.
        view: Number of the camera.
        seed: Of the suite.

    Returns:
        A JPEG file.

    Raises:
        CalicoError: The frame has no such camera.
        CorruptionError: There is no such corruption, or the frame lacks what it needs.
    """
    if not 0 <= view < len(frame.images):
        raise CalicoError(
            f"--camera {view}: frame {frame.token} has {len(frame.images)} cameras, numbered from 0"
        )
    specs = find_corruptions(name)
    high, wide = frame.images[view].shape[:2]
    height = max(1, round(WIDTH_PX * high / wide))
    rows = 2 * (height + LABEL_PX) + GAP_PX
    sheet = Image.new("RGB", (2 * WIDTH_PX + GAP_PX, rows), PAPER)
    draw, face = ImageDraw.Draw(sheet), load_font(14.0)
    for number, severity in enumerate(SEVERITIES):
        left, top = number % 2 * (WIDTH_PX + GAP_PX), number // 2 * (height + LABEL_PX + GAP_PX)
        image = Image.fromarray(corrupt(frame, name, severity, seed).images[view])
        values = (
            ", ".join(describe_value(spec, spec.value_at(severity)) for spec in specs)
            if severity
            else "clean"
        )
        draw.text((left + 4, top + 2), f"{name} {severity}: {values}", INK, face)
        sheet.paste(
            image.resize((WIDTH_PX, height), Image.Resampling.LANCZOS), (left, top + LABEL_PX)
        )
    stream = io.BytesIO()
    sheet.save(stream, "JPEG", quality=90)
    return stream.getvalue()
