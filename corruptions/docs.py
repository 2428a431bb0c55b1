"""Write docs/reference/corruptions.md: `python -m corruptions.docs [ROOT]`.

ROOT is the repository's root (default: the working folder). The hand-written text of the page is in
docs/parts/corruptions.md. The rest comes from the code: tables of parameters, docstrings, sources.
"""

from __future__ import annotations

import inspect
import re
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path

from corruptions.catalogue import SPECS
from corruptions.preset import Preset, Row
from corruptions.presets import PRESETS
from corruptions.spec import Spec

PAGE, PARTS = Path("docs/reference/corruptions.md"), Path("docs/parts/corruptions.md")
PICTURES = "images/corruptions"
GROUPS = {
    "weather": "Weather and light: one physical parameter for all sensors",
    "camera": "Camera",
    "lidar": "LiDAR",
    "timing": "Timing",
    "alignment": "Alignment",
    "objects": "Objects",
}
SECTION = re.compile(r"^(Args|Returns|Raises|Example|Source):\s*$", re.MULTILINE)
"""Heading of a docstring's section."""
SENSORS = {"camera": "camera", "lidar": "LiDAR", "calibration": "calibration", "labels": "labels"}


def render_page(parts: str) -> str:
    """Fill the page's hand-written text with what the code says.

    Args:
        parts: The hand-written text with the marks catalogue and presets.

    Returns:
        The whole page in Markdown.
    """
    filled = {"catalogue": _catalogue(), "presets": _presets()}
    for mark, text in filled.items():
        parts = parts.replace(f"<!-- {mark} -->", text)
    return parts


def _catalogue() -> str:
    blocks = []
    for group, title in GROUPS.items():
        specs = [spec for spec in SPECS.values() if spec.group == group]
        table = [
            "| name | changes | parameter | severity 1 2 3 4 5 | suites |",
            "|---|---|---|---|---|",
        ]
        table += [_row(spec) for spec in specs]
        picture = f"![{title}: severities 1, 3, 5](../{PICTURES}/{group}.jpg)"
        blocks += [f"## {title}", picture, "\n".join(table), *(_entry(spec) for spec in specs)]
    return "\n\n".join(blocks)


def _row(spec: Spec) -> str:
    changes = ", ".join(SENSORS[sensor] for sensor in spec.sensors)
    suites = ", ".join(spec.suites) or "–"
    link = f"[`{spec.name}`](#{spec.name})"
    return f"| {link} | {changes} | `{spec.parameter}` | {_levels(spec)} | {suites} |"


def _levels(spec: Spec) -> str:
    """'6 12 18 24 30 %', '400 200 100 60 30 m'."""
    if spec.unit.startswith("share"):
        rest = spec.unit.removeprefix("share")
        return " ".join(f"{100 * level:.3g}" for level in spec.levels) + f" %{rest}"
    return (
        " ".join(f"{level:.0f}" if level >= 1000 else f"{level:.3g}" for level in spec.levels)
        + f" {spec.unit}"
    )


def _entry(spec: Spec) -> str:
    """Write the docstring paragraph by paragraph, then the parameter, and the source."""
    text, *rest = SECTION.split(inspect.getdoc(spec.function) or "")
    sections = dict(zip(rest[::2], map(textwrap.dedent, rest[1::2]), strict=True))
    low, high = spec.limits
    parameter = f"`{spec.parameter}` takes {low:g} to {high:g}. {_escaped(_meaning(sections))}"
    source = sections.get("Source", "").strip() or f"{spec.source}."
    facts = f"Source: {_escaped(source)}"
    if spec.needs:
        facts += f" Needs: {', '.join(spec.needs)}."
    paragraphs = [_escaped(paragraph) for paragraph in re.split(r"\n\s*\n", text.strip())]
    paragraphs += [parameter, f"{facts} `{spec.function.__module__}`"]
    return "\n\n".join([f"### {spec.name}", *map(_wrapped, paragraphs)])


def _meaning(sections: Mapping[str, str]) -> str:
    """Return what a docstring says of the second of its three arguments, the parameter."""
    entries = re.split(r"^\w+: ", sections.get("Args", ""), flags=re.MULTILINE)
    return " ".join(entries[2].split()) if len(entries) > 2 else ""


def _wrapped(paragraph: str) -> str:
    """The paragraph in lines of at most 100 characters; none begins like a list or a heading."""
    text = " ".join(paragraph.split())
    lines = textwrap.wrap(text, 100, break_long_words=False, break_on_hyphens=False)
    for index in range(len(lines) - 1, 0, -1):
        if re.match(r"(?:[-+>]|#+|\d+[.)])\s", lines[index]):
            before, last = lines[index - 1].rsplit(" ", 1)
            lines[index - 1 : index + 1] = [before, f"{last} {lines[index]}"]
    return "\n".join(lines)


def _escaped(text: str) -> str:
    """Text in which markdown finds no markup but `code`."""
    parts = text.split("`")
    for index in range(0, len(parts), 2):
        parts[index] = re.sub(r"([*_<|\[\]])", r"\\\1", parts[index])
    return "`".join(parts)


def _presets() -> str:
    blocks = []
    for preset in PRESETS.values():
        text = f"{preset.title} Source: {preset.source}. {preset.note} {_size(preset)}"
        blocks += [f"### {preset.name}", _wrapped(_escaped(text))]
        if all(row.suite_name == row.name for row in preset.rows):
            if preset.name != "all":
                blocks.append(_wrapped(", ".join(f"`{row.name}`" for row in preset.rows)))
            continue
        table = ["| in the suite | here | levels | note |", "|---|---|---|---|"]
        table += [
            f"| {row.suite_name} | `{row.name}` | {_asked(row)} | {_escaped(row.note)} |"
            for row in preset.rows
        ]
        blocks.append("\n".join(table))
    return "\n\n".join(blocks)


def _size(preset: Preset) -> str:
    return f"{len(preset.rows)} corruptions, {len(preset.levels)} conditions."


def _asked(row: Row) -> str:
    if not row.values:
        return "severity " + " ".join(map(str, row.severities))
    spec = SPECS[row.name]
    if spec.unit.startswith("share"):
        return " ".join(f"{100 * value:.3g}" for value in row.values) + " %"
    return " ".join(f"{value:g}" for value in row.values) + f" {spec.unit}"


def main() -> None:
    """Write the page."""
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path()
    parts = (root / PARTS).read_text(encoding="utf-8")
    (root / PAGE).write_text(render_page(parts), encoding="utf-8")


if __name__ == "__main__":
    main()
