"""Tables of `doc_tables` about reading data: the index of nuScenes' tables, and the loader."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

VERSIONS = {"v1": "version 1", "v2": "version 2"}
MODES = {
    "tables": "the tables, by every start",
    "build": "the tables, and an index is made",
    "index": "the index",
}


def index_table(path: Path) -> list[str]:
    """Opening nuScenes by its tables and by their index."""
    found = _read(path)
    rows, sizes = {row["mode"]: row for row in found["rows_of_result"]}, found["rows"]
    return [
        f"`{found['command']}`: {sizes['scene']} scenes, {sizes['sample']} samples, "
        f"{sizes['sample_data']} files, {sizes['sample_annotation']} annotations, "
        f"{found['tables_mb']:.0f} MB of JSON, an index of {found['index_mb']:.0f} MB, "
        f"{found['sweeps']} sweeps, {found['machine']}.",
        "",
        "| what is read | processor time, s | wall time, s | memory, MB | to each worker, MB |",
        "|---|---|---|---|---|",
        *(
            f"| {name} | {rows[mode]['open_cpu_s']:.1f} | {rows[mode]['open_s']:.1f} | "
            f"{rows[mode]['memory_mb']:.0f} | {rows[mode]['pickle_mb']:.2f} |"
            for mode, name in MODES.items()
        ),
    ]


def loader_table(path: Path) -> list[str]:
    """Training frames a second by number of workers."""
    found = _read(path)
    return [
        f"`{found['command']}`: {found['machine']}, load average {found['load_average']:.0f}.",
        "",
        "| workers | frames a second | share that is not the model | batch, ms a frame | "
        "model, ms a frame |",
        "|---|---|---|---|---|",
        *(
            f"| {row['workers']} | {row['frames_per_s']:.1f} | "
            f"{100 * row['share_not_model']:.0f} % | {row['cpu_ms_not_model']:.0f} | "
            f"{row['cpu_ms_model']:.0f} |"
            for row in found["rows"]
        ),
    ]


def waymo_reader_table(path: Path) -> list[str]:
    """Reading a frame of Waymo's files: the slower of the two kinds of range images."""
    found = _read(path)
    cases = list(found["v1"]["values"]["continuous"]["cases"])
    lines = [f"`{found[version]['command']}`: {found[version]['machine']}." for version in VERSIONS]
    lines = [line for pair in zip(lines, [""] * len(lines), strict=True) for line in pair]
    lines += [
        "| what is read | "
        + " | ".join(f"{name}, s | memory, MB" for name in VERSIONS.values())
        + " |",
        "|---" * (1 + 2 * len(VERSIONS)) + "|",
    ]
    for case in cases:
        cells = []
        for version in VERSIONS:
            kinds = [kind["cases"][case] for kind in found[version]["values"].values()]
            cells.append(f"{max(max(one['cpu_s'], one['cpu_s_shuffled']) for one in kinds):.3f}")
            cells.append(f"{max(one['memory_mb'] for one in kinds):.1f}")
        lines.append(f"| {case} | {' | '.join(cells)} |")
    return lines


def _read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content
