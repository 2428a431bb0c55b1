"""Writes the tables of figures in README.md and docs/ from committed results.

python -m benchmarks.doc_tables

A table stands between `<!-- table: NAME from FILE -->` and `<!-- end of table -->`; NAME is a key
of `TABLES`, FILE a JSON file or a folder of them. Nothing else in the pages changes.
tests/contracts/test_documented_figures.py fails if a page holds other figures than its files, or an
interval outside of such a table.

    python -m benchmarks.doc_tables --demo demo/robust/results.json     # after `make demo`:
    docs/results/demo.json first
"""

from __future__ import annotations

import json
import re
import statistics
from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from pathlib import Path
from typing import Any

import click

from benchmarks.public_detector import make_accuracy_table, make_robustness_table
from benchmarks.tables_of_data import index_table, loader_table, waymo_reader_table
from calico.files import write_atomic
from calico.taxonomy import NUSCENES
from experiments.pretraining.protocol import VARIANTS
from experiments.pretraining.rad_gain import table as rad_gain_table
from experiments.pretraining.table import METRICS, collect, gain, mean, read_cells

DEMO = Path("docs/results/demo.json")
BLOCK = re.compile(r"(<!-- table: (\S+) from (\S+) -->\n).*?(<!-- end of table -->)", re.DOTALL)
SHARE = 0.05
GAINS = (
    ("fused-calico", "lidar-random"),
    ("fused-calico", "fused-random"),
    ("fused-calico", "fused-prc"),
    ("lidar-prc", "lidar-random"),
    ("lidar-prc", "lidar-scene"),
    ("lidar-prc-a1", "lidar-prc"),
    ("lidar-prc-a0", "lidar-prc"),
)
"""Initialisations that are compared within a seed: the first minus the second."""
SHORT = (
    "fog",
    "beam_missing",
    "camera_crash",
    "lidar_missing",
    "camera_pgd",
    "camera_noise",
    "lidar_pgd",
    "lidar_noise",
)
"""Conditions of the demo that the README shows."""
CLEAN = ("mAP", "NDS", "mATE", "mASE", "mAOE", "mAVE", "mAAE", "mIoU")
AGGREGATES = ("mPC", "mRR", "RCE", "mCE", "mRRA")


def pages(root: Path) -> list[Path]:
    """Lists the pages that may hold tables of figures."""
    return [root / "README.md", *sorted((root / "docs").rglob("*.md"))]


def fill(text: str, root: Path) -> str:
    """Replaces the tables in the text of a page by those that the committed files give."""

    def made(match: re.Match[str]) -> str:
        lines = TABLES[match[2]](root / match[3])
        return match[1] + "\n" + "\n".join(lines) + "\n\n" + match[4]

    return BLOCK.sub(made, text)


def read_json(path: Path) -> Any:
    """Reads one committed result."""
    return json.loads(path.read_text(encoding="utf-8"))


def shorten_demo(results: Mapping[str, Any]) -> dict[str, Any]:
    """Keeps of a results.json what its table needs.

    Where it comes from, and the headline metrics of every cell.
    """
    kept = (
        "git_commit",
        "suite_version",
        "seed",
        "data",
        "n_frames",
        "n_scenes",
        "machine",
        "threads",
    )
    return {
        "command": "make demo && python -m benchmarks.doc_tables --demo demo/robust/results.json",
        "run": {name: results["provenance"][name] for name in kept},
        "cells": [
            {
                name: cell["condition"][name]
                for name in ("kind", "name", "severity", "parameters", "control")
            }
            | {
                "metrics": {
                    name: {k: cell["metrics"][name][k] for k in ("value", "lo", "hi")}
                    for name in METRICS
                }
            }
            for cell in results["cells"]
            if cell["engine"] == results["cells"][0]["engine"]  # of the exported model
        ],
    }


def demo_table(path: Path, only: Sequence[str] = ()) -> list[str]:
    """Make the table of the demo's exported model in the conditions of its suite.

    Args:
        path: The demo's figures as JSON.
        only: The conditions that are shown; empty for all of them.
    """
    if not path.is_file():
        return [
            "To be measured again: `make demo`, then `python -m benchmarks.doc_tables --demo "
            "demo/robust/results.json`."
        ]
    demo = read_json(path)
    run, cells = demo["run"], demo["cells"]
    clean = next(cell for cell in cells if cell["kind"] == "clean")
    cells = [cell for cell in cells if not only or cell["name"] in only]
    threads = f"{run['threads']} thread{'s' * (run['threads'] > 1)}"
    lines = [
        f"mAP in % with 95 % intervals over scenes; {run['n_frames']} held-out frames of "
        f"{run['n_scenes']} simulated scenes, "
        f"seed {run['seed']}, suite {run['suite_version']}, commit "
        f"{(run['git_commit'] or 'unknown')[:7]}, "
        f"{run['machine']}, {threads}. Clean: mAP {_percent(clean, 'mAP')}, NDS "
        f"{_percent(clean, 'NDS')}, "
        f"mIoU {_percent(clean, 'mIoU')}.",
        "",
        "| condition | severity 1 | severity 3 | severity 5 |",
        "|---|---|---|---|",
    ]
    corrupted = [cell for cell in cells if cell["kind"] == "corruption"]
    for name in dict.fromkeys(cell["name"] for cell in corrupted):
        row = {
            cell["severity"]: _percent(cell, "mAP") for cell in corrupted if cell["name"] == name
        }
        lines.append(
            f"| {name} | " + " | ".join(row.get(severity, "") for severity in (1, 3, 5)) + " |"
        )
    for cell in cells:
        if cell["kind"] == "attack":
            lines.append(
                f"| {cell['name']} {_budget(cell['parameters'])} | {_percent(cell, 'mAP')} | | |"
            )
    return lines


def short_demo_table(path: Path) -> list[str]:
    """The rows of `demo_table` that the README has."""
    return demo_table(path, SHORT)


def _budget(parameters: Mapping[str, Any]) -> str:
    """'4/255', '0.1 m'; both of a joint attack."""
    levels, metres = parameters.get("camera_levels"), parameters.get("range_m")
    return " + ".join(
        ([f"{levels:g}/255"] if levels else []) + ([f"{metres:g} m"] if metres else [])
    )


def _percent(cell: Mapping[str, Any], name: str) -> str:
    metric = cell["metrics"][name]
    if metric["value"] is None:
        return "-"
    value, lo, hi = (
        None if metric[key] is None else 100 * metric[key] for key in ("value", "lo", "hi")
    )
    return f"{value:.1f}" if lo is None or hi is None else f"{value:.1f} [{lo:.1f}, {hi:.1f}]"


def pretraining_table(path: Path) -> list[str]:
    """Means over seeds of every initialisation, and the gains within a seed."""
    cells = read_cells(path)
    results, first = collect(cells), cells[0]
    one_seed = all(len(seeds) == 1 for seeds in results.values())
    lines = [
        f"Points on {first['n_frames']} frames of {first['split']} after {first['steps']} steps"
        + (
            "; one seed."
            if one_seed
            else "; mean ± half of the 95 % interval over the seeds (Student's t)."
        ),
        "",
        "| initialisation | seeds | mAP | NDS | mIoU |",
        "|---|---|---|---|---|",
    ]
    share = max(share for _, share in results)
    for name in (name for name in VARIANTS if (name, share) in results):
        found = [str(mean(results, name, share, metric)) for metric in METRICS]
        lines.append(
            f"| {VARIANTS[name].title} | {_seeds(results[name, share])} | {' | '.join(found)} |"
        )
    for name, other in GAINS:
        gains = [gain(results, name, other, share, metric) for metric in METRICS]
        if all(gains):
            both = sorted(set(results[name, share]) & set(results[other, share]))
            shown = " | ".join(one.signed for one in gains if one)
            lines.append(
                f"| {VARIANTS[name].title} minus {VARIANTS[other].title} | {_seeds(both)} | "
                f"{shown} |"
            )
    return lines


def _seeds(seeds: Sequence[int] | Mapping[int, Any]) -> str:
    """'0 to 2', '1'."""
    numbers = sorted(seeds)
    return str(numbers[0]) if len(numbers) == 1 else f"{numbers[0]} to {numbers[-1]}"


def gains_by_seed_table(path: Path) -> list[str]:
    """CALICO minus LiDAR-only from random weights, seed by seed."""
    results = collect(read_cells(path))
    ours, theirs = results["fused-calico", SHARE], results["lidar-random", SHARE]
    seeds = sorted(set(ours) & set(theirs))
    return ["| seed | mAP | NDS | mIoU |", "|---|---|---|---|"] + [
        f"| {seed} | "
        + " | ".join(f"{ours[seed][m] - theirs[seed][m]:+.1f}" for m in METRICS)
        + " |"
        for seed in seeds
    ]


def rad_table(path: Path) -> list[str]:
    """RAD's part with three LiDARs."""
    lines = rad_gain_table([read_json(file) for file in sorted(path.glob("*-seed*.json"))])
    names = {"laptop-short": "32 beams", "laptop-8-beams": "8 beams", "laptop-4-beams": "4 beams"}
    return [re.sub("|".join(names), lambda match: names[match[0]], line) for line in lines]


def coverage_table(path: Path) -> list[str]:
    """Share of the 95 % intervals that hold the truth."""
    found = read_json(path)
    scenes = found["scenes"]
    lines = [
        f"`{found['command']}`, seed {found['settings']['seed']}, {found['machine']}; in %.",
        "",
        "| figure | " + " | ".join(f"{n} scenes" for n in scenes) + " |",
        "|---|" + len(scenes) * "---|",
        "| data sets | " + " | ".join(str(row["trials"]) for row in scenes.values()) + " |",
    ]
    logs = [f"{metric}/mRRA, log" for metric in METRICS]
    for name in (*CLEAN, *(f"{metric}/{a}" for metric in METRICS for a in AGGREGATES), *logs):
        figures = [row["figures"].get(name) for row in scenes.values()]
        row = ["" if one is None else f"{100 * one['coverage']:.1f}" for one in figures]
        lines.append(f"| {name.replace(', log', ', in the logarithm')} | {' | '.join(row)} |")
    return lines


def _runs(repeats: int) -> str:
    return "one run of each" if repeats == 1 else f"the fastest of {repeats} runs in turn"


def speed_table(path: Path) -> list[str]:
    """Our nuScenes metric beside the devkit."""
    found = read_json(path)
    settings = found["settings"]
    return [
        f"`{found['command']}`: {settings['frames']} frames of {settings['objects']} objects, seed "
        f"{settings['seed']}, "
        f"{_runs(settings['repeats'])}, processor time, {found['machine']}.",
        "",
        "| predictions a frame | ours, ms a frame | devkit, ms a frame | ratio |",
        "|---|---|---|---|",
        *(
            f"| {row['predictions']} | {row['ours_ms_per_frame']:.2f} | "
            f"{row['devkit_ms_per_frame']:.1f} | {row['ratio']:.0f} |"
            for row in found["rows"]
        ),
    ]


def waymo_speed_table(path: Path) -> list[str]:
    """Our Waymo metrics beside the official program."""
    found = read_json(path)
    settings = found["settings"]
    return [
        f"`{found['command']}`: {settings['frames']} frames of {settings['objects']} objects, seed "
        f"{settings['seed']}, the fastest of {settings['repeats']} runs of ours and one of the "
        f"official program, processor time, {found['machine']}. The process of ours took at most "
        f"{found['peak_memory_mb']:.0f} MB.",
        "",
        "| predictions a frame | ours, ms a frame | official, ms a frame | ratio | "
        f"ours, {settings['validation_frames']:,} frames, minutes | their statistics, MB |",
        "|---|---|---|---|---|---|",
        *(
            f"| {row['predictions']} | {row['matching_ms_per_frame']:.1f} | "
            f"{row['official_ms_per_frame']:.1f} | {row['ratio']:.0f} | "
            f"{row['validation_minutes']:.1f} | {row['validation_statistics_mb']:.0f} |"
            for row in found["rows"]
        ),
    ]


def regions_by_class_table(path: Path) -> list[str]:
    """Objects that regions cover, by class.

    With the default settings and with those of the prototype.
    """
    sources = read_json(path)["sources"]
    names = ("default", "`--limits prototype`")
    counts = {
        key: [sources[key]["settings"][name]["from_1_points"] for name in names]
        for key in ("simulator", "real")
    }
    lines = [
        "| class | simulator: objects | ours | prototype | real: objects | ours | prototype |",
        "|" + 7 * "---|",
    ]
    for index, label in enumerate(NUSCENES.names):
        row = [_covered(found, itemgetter(index)) for found in counts.values()]
        lines.append(f"| {label} | {' | '.join(row)} |")
    return [*lines, f"| all | {' | '.join(_covered(found, sum) for found in counts.values())} |"]


def _covered(counts: Sequence[Mapping[str, Any]], of: Callable[[Sequence[int]], int]) -> str:
    """'670 | 60 / 59 | 44 / 43': objects, and the shares of them with each setting."""
    objects = of(counts[0]["objects"])
    if objects == 0:
        return "0 |  | "
    shares = [
        f"{100 * of(c['covered']) / objects:.0f} / {100 * of(c['alone']) / objects:.0f}"
        for c in counts
    ]
    return " | ".join([str(objects), *shares])


def regions_by_setting_table(path: Path) -> list[str]:
    """Objects that regions cover, and regions that are objects, with several settings."""
    sources = read_json(path)["sources"]
    lines = [
        "| settings | simulator: covered / own | objects among regions | real: covered / own | "
        "objects among regions |",
        "|" + 5 * "---|",
    ]
    for name in sorted(sources["real"]["settings"], key=lambda name: name != "default"):
        row = []
        for key in ("simulator", "real"):
            found = sources[key]["settings"][name]["from_5_points"]
            row.append(_covered([found], sum).partition(" | ")[2])
            share, regions = (
                100 * found["object_regions"] / found["regions"],
                found["regions"] / found["frames"],
            )
            row.append(f"{share:.0f} % of {regions:.0f} a frame")
        lines.append(f"| {name} | {' | '.join(row)} |")
    return lines


def corruption_cost_table(path: Path) -> list[str]:
    """CPU time and memory of every corruption, the most expensive first."""
    costs = read_json(path)
    rows: Mapping[str, Mapping[str, float]] = costs["corruptions"]
    public = costs["references"]
    seconds = [row["cpu_s"] for row in rows.values()]
    lidar = [row["lidar_cpu_s"] for row in rows.values() if "lidar_cpu_s" in row]
    lines = [
        f"`python benchmarks/corruption_cost.py --write`; {costs['machine']}; {costs['load']}.",
        f"The frame: {costs['frame']}; severity {costs['severity']}, least of {costs['repeats']} "
        "runs.",
        f"Median over the suite {statistics.median(seconds):.3f} s, largest {max(seconds):.2f} s.",
        f"LiDAR alone: median {statistics.median(lidar):.3f} s, largest {max(lidar):.2f} s.",
        f"The effect check takes {costs['effect_check_s']:.2f} s.",
        "",
        "| name | CPU s | LiDAR alone, CPU s | peak MB | public code, CPU s | of |",
        "|---|---:|---:|---:|---:|---|",
    ]
    for name, row in sorted(rows.items(), key=lambda item: -item[1]["cpu_s"]):
        theirs = f"{public[name]['cpu_s']:.3g} | {public[name]['of']}" if name in public else "– | "
        alone = f"{row['lidar_cpu_s']:.3f}" if "lidar_cpu_s" in row else "–"
        lines.append(
            f"| `{name}` | {row['cpu_s']:.3f} | {alone} | {row['peak_mb']:.0f} | {theirs} |"
        )
    return lines


def attack_cost_table(path: Path) -> list[str]:
    """Time of a step of each attack, beside a bare forward and backward pass."""
    costs = read_json(path)
    lines = [
        f"`python benchmarks/attack_cost.py --write`: {costs['data']}, batch of {costs['frames']}, "
        f"{costs['steps']} steps,",
        f"{costs['machine']}, least of {costs['repeats']}, processor seconds.",
        "",
        "| threat | attack | s per step and frame | bare forward and backward | overhead |",
        "|---|---|---|---|---|",
    ]
    for row in costs["rows"]:
        over = 100 * (row["step_s"] / row["bare_s"] - 1)
        lines.append(
            f"| {row['threat']} | {row['attack']} | {row['step_s']:.3f} | {row['bare_s']:.3f} "
            f"| {over:+.0f} % |"
        )
    return lines


def integrity_cost_table(path: Path) -> list[str]:
    """Processor time before and after the checks of stored files."""
    cost = read_json(path)
    names = {"robust_s": "`calico robust`, 10 frames", "step_s": "a training step"}
    lines = [
        f"`{cost['command']}`, commits {cost['commits']['before']} and {cost['commits']['after']};",
        f"{cost['unit']}.",
        "",
        "| | before, s | after, s | ratio |",
        "|---|---|---|---|",
    ]
    before, after = cost["least"]["before"], cost["least"]["after"]
    for key, title in names.items():
        ratio = cost["after_over_before"][key]
        lines.append(f"| {title} | {before[key]:.2f} | {after[key]:.2f} | {ratio:.2f} |")
    return lines


def install_table(path: Path) -> list[str]:
    """Size, time and number of packages of an installation, before and after there were extras."""
    found = read_json(path)
    names = {
        "before": "before: everything, at `{commit}`",
        "core": "the core, `pip install calico-bev`",
        "all": "`pip install 'calico-bev[all]'`",
    }
    lines = [
        f"Python {found['core']['python']}, {found['core']['machine']}.",
        "",
        "| installation | size, MB | packages | time, s | `pip check` |",
        "|---|---|---|---|---|",
    ]
    for key, title in names.items():
        one = found[key]
        clean = "clean" if one["pip_check"] == "No broken requirements found." else "conflicts"
        lines.append(
            f"| {title.format(commit=one['commit'][:7])} | {one['megabytes']} | "
            f"{one['packages']} | {one['seconds']:.0f} | {clean} |"
        )
    return lines


def house_table(path: Path) -> list[str]:
    """Make the table of what `make house` measured, before and after the code was put in order."""
    found = read_json(path)
    titles = {
        "circles": "circles of modules",
        "package_circles": "circles among the children of a package",
        "long": "lines above 100 characters",
        "tall": "functions of more than 70 lines without docstring",
        "documented": "functions with several arguments that document each of them",
        "described": "public functions with a docstring",
        "one_word": "public functions named by one word",
        "mirrored": "modules with a test at the mirrored path",
        "semicolons": "semicolons in 1000 words of docstrings",
        "readme_words": "words of prose in the README",
        "readme_numbers": "numbers in 100 words of the README",
    }
    shares = ("documented", "described", "one_word", "mirrored")
    lines = ["| measure | before | now |", "|---|---|---|"]
    for key, title in titles.items():
        values = [
            f"{found[label][key]:.1%}".replace("%", " %")
            if key in shares
            else f"{found[label][key]:g}"
            for label in ("before", "now")
        ]
        lines.append(f"| {title} | {' | '.join(values)} |")
    return lines


TABLES: dict[str, Callable[[Path], list[str]]] = {
    "demo": demo_table,
    "demo-short": short_demo_table,
    "pretraining": pretraining_table,
    "gains-by-seed": gains_by_seed_table,
    "rad": rad_table,
    "coverage": coverage_table,
    "metric-speed": speed_table,
    "nuscenes-index": index_table,
    "loader": loader_table,
    "waymo-reader": waymo_reader_table,
    "waymo-metric-speed": waymo_speed_table,
    "regions-by-class": regions_by_class_table,
    "regions-by-setting": regions_by_setting_table,
    "corruption-cost": corruption_cost_table,
    "attack-cost": attack_cost_table,
    "integrity-cost": integrity_cost_table,
    "install": install_table,
    "house": house_table,
    "public-detector-accuracy": make_accuracy_table,
    "public-detector-robustness": make_robustness_table,
}


@click.command()
@click.option(
    "--demo", type=click.Path(path_type=Path, exists=True), help="results.json of `make demo`."
)
def main(demo: Path | None) -> None:
    """Writes all tables; with --demo, docs/results/demo.json first."""
    root = Path(__file__).parents[1]
    if demo:
        write_atomic(
            root / DEMO, json.dumps(shorten_demo(read_json(demo)), indent=1, sort_keys=True) + "\n"
        )
    for page in pages(root):
        before = page.read_text(encoding="utf-8")
        after = fill(before, root)
        if after != before:
            page.write_text(after, encoding="utf-8")
            click.echo(f"{page.relative_to(root)}: written")


if __name__ == "__main__":
    main()
