"""The page of `calico gallery`: one HTML file without scripts that needs no network."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Sequence

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from calico import __version__
from calico.frame import Frame
from calico_eval.corruption_gallery.pictures import choose_focus, draw_lidar, draw_views
from calico_eval.corruption_gallery.template import CSS, TEMPLATE
from calico_eval.corruption_gallery.tiles import (
    CAMERA_PX,
    LIDAR_PX,
    Panel,
    encode_picture,
    make_panel,
)
from corruptions import SUITE_VERSION

SEVERITIES = (1, 2, 3, 4, 5)


def render_page(
    frame: Frame, names: Sequence[str], seed: int, source: str, progress: Callable[[int, int], None]
) -> tuple[str, list[str]]:
    """Render the page, and list the failed effect checks as 'name severity: message'.

    Args:
        frame: The clean frame.
        names: Corruptions, or several joined by '+'.
        seed: Seed of the corruptions.
        source: Name of the data, for the title.
        progress: Called with (done, total) after every corruption.

    Raises:
        CorruptionError: A name is unknown.
    """
    focus = choose_focus(frame)
    panels: list[Panel] = []
    for done, name in enumerate(names):
        progress(done, len(names))
        panels.append(make_panel(name, frame, focus, seed, SEVERITIES))
    progress(len(names), len(names))
    failed = [
        f"{p.name} {tile.severity}: {tile.problem}"
        for p in panels
        for tile in p.tiles
        if tile.problem
    ]
    css = CSS.replace("RATIO", _ratio(frame)) + "".join(_backgrounds(frame, panels))
    text = (
        Environment(
            autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
        )
        .from_string(TEMPLATE)
        .render(
            policy=_policy(css),
            css=Markup(css),
            version=__version__,
            suite=SUITE_VERSION,
            source=source,
            frame=frame,
            seed=seed,
            groups=_groups(panels),
            failed=failed,
            paragraphs=_paragraphs,
        )
    )
    return text + "\n", failed


def _groups(panels: Sequence[Panel]) -> dict[str, list[Panel]]:
    """Group the panels, in their order; pairs have a group of their own."""
    groups: dict[str, list[Panel]] = {}
    for entry in panels:
        groups.setdefault(entry.specs[0].group if len(entry.specs) == 1 else "pairs", []).append(
            entry
        )
    return groups


def _backgrounds(frame: Frame, panels: Sequence[Panel]) -> list[str]:
    """Make style rules of the clean frame's pictures, so that each is in the page once."""
    lidar = encode_picture(draw_lidar(frame, choose_focus(frame), LIDAR_PX))
    rules = [f".lidar0{{background-image:url({lidar})}}"]
    if frame.images:
        rules.append(
            f".cameras0{{background-image:url({encode_picture(draw_views(frame, CAMERA_PX))})}}"
        )
        if any(entry.calibration for entry in panels):
            picture = encode_picture(draw_views(frame, CAMERA_PX, points=True))
            rules.append(f".points0{{background-image:url({picture})}}")
    return rules


def _ratio(frame: Frame) -> str:
    """Return width / height of the camera pictures."""
    height, width = draw_views(frame, CAMERA_PX).shape[:2] if frame.images else (1, 1)
    return f"{width} / {height}"


def _policy(css: str) -> str:
    """Allow only this very style sheet and embedded pictures. Nothing may be loaded or run."""
    digest = base64.b64encode(hashlib.sha256(css.encode("utf-8")).digest()).decode("ascii")
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; "
        "form-action 'none'"
    )


def _paragraphs(docstring: str | None) -> list[str]:
    """Split a docstring after its first line into paragraphs."""
    body = (docstring or "").strip().partition("\n")[2]
    return [" ".join(part.split()) for part in re.split(r"\n\s*\n", body.strip()) if part.strip()]
