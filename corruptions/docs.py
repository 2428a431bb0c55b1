"""Makes docs/reference/corruptions.md: `python -m corruptions.docs [ROOT]`, ROOT being the repository's (default: here).

The hand-written parts are in docs/parts/corruptions.md, the costs in benchmarks/results/corruptions.json; the rest is the code's.
"""

from __future__ import annotations

import inspect
import json
import re
import statistics
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from corruptions.catalogue import SPECS
from corruptions.preset import Preset, Row
from corruptions.presets import PRESETS
from corruptions.spec import Spec

PAGE, PARTS = Path("docs/reference/corruptions.md"), Path("docs/parts/corruptions.md")
COSTS, PICTURES = Path("benchmarks/results/corruptions.json"), "images/corruptions"
GROUPS = {
    "weather": "Weather and light: one physical parameter for all sensors",
    "camera": "Camera",
    "lidar": "LiDAR",
    "timing": "Timing",
    "alignment": "Alignment",
    "objects": "Objects",
}
SENSORS = {"camera": "camera", "lidar": "LiDAR", "calibration": "calibration", "labels": "labels"}


def render(parts: str, costs: Mapping[str, Any]) -> str:
    """The page.

    Args:
        parts: the hand-written text with the marks catalogue, presets and cost.
        costs: what `benchmarks/corruption_cost.py --write` left.
    """
    filled = {"catalogue": _catalogue(), "presets": _presets(), "cost": _cost(costs)}
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
    return f"| [`{spec.name}`](#{spec.name}) | {changes} | `{spec.parameter}` | {_levels(spec)} | {suites} |"


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
    """The docstring, paragraph by paragraph, and the source."""
    paragraphs = re.split(r"\n\s*\n", inspect.getdoc(spec.function) or "")
    text = "\n\n".join(_escaped(" ".join(paragraph.split())) for paragraph in paragraphs)
    low, high = spec.limits
    needs = f" Needs: {', '.join(spec.needs)}." if spec.needs else ""
    facts = f"`{spec.parameter}` takes {low:g} to {high:g}. Source: {_escaped(spec.source)}.{needs} `{spec.function.__module__}`"
    return f"### {spec.name}\n{text}\n\n{facts}"


def _escaped(text: str) -> str:
    """Text in which markdown finds no markup but `code`."""
    parts = text.split("`")
    for index in range(0, len(parts), 2):
        parts[index] = re.sub(r"([*_<|\[\]])", r"\\\1", parts[index])
    return "`".join(parts)


def _presets() -> str:
    blocks = []
    for preset in PRESETS.values():
        head = f"### {preset.name}\n{_escaped(preset.title)} Source: {_escaped(preset.source)}. {_escaped(preset.note)}".rstrip()
        blocks.append(f"{head} {_size(preset)}")
        if all(row.suite_name == row.name for row in preset.rows):
            if preset.name != "all":
                blocks.append(", ".join(f"`{row.name}`" for row in preset.rows))
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


def _cost(costs: Mapping[str, Any]) -> str:
    rows: Mapping[str, Mapping[str, float]] = costs["corruptions"]
    public = costs["references"]
    seconds = [row["cpu_s"] for row in rows.values()]
    lidar = [row["lidar_cpu_s"] for row in rows.values() if "lidar_cpu_s" in row]
    table = [
        "| name | CPU s | LiDAR alone, CPU s | peak MB | public code, CPU s | of |",
        "|---|---:|---:|---:|---:|---|",
    ]
    for name, row in sorted(rows.items(), key=lambda item: -item[1]["cpu_s"]):
        theirs = f"{public[name]['cpu_s']:.3g} | {public[name]['of']}" if name in public else "– | "
        alone = f"{row['lidar_cpu_s']:.3f}" if "lidar_cpu_s" in row else "–"
        table.append(
            f"| `{name}` | {row['cpu_s']:.3f} | {alone} | {row['peak_mb']:.0f} | {theirs} |"
        )
    text = (
        f"CPU seconds on one core for the whole frame ({costs['frame']}) at severity {costs['severity']}, the least of "
        f"{costs['repeats']} runs, and the memory that was held at most beyond the frame itself, the result included. Median "
        f"over the suite {statistics.median(seconds):.3f} s, largest {max(seconds):.2f} s; the effect check takes "
        f"{costs['effect_check_s']:.2f} s. LiDAR alone: the same frame without cameras, for those that change points; median "
        f"{statistics.median(lidar):.3f} s, largest {max(lidar):.2f} s. Every figure includes the copy of the frame. "
        f"`python benchmarks/corruption_cost.py --write`; {costs['machine']}; {costs['load']}. The figures of the "
        "public code were measured once, on another machine: read them as orders of magnitude."
    )
    return text + "\n\n" + "\n".join(table)


def main() -> None:
    """Writes the page."""
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path()
    costs = json.loads((root / COSTS).read_text(encoding="utf-8"))
    (root / PAGE).write_text(
        render((root / PARTS).read_text(encoding="utf-8"), costs), encoding="utf-8"
    )


if __name__ == "__main__":
    main()
