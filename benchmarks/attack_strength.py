"""Are our attacks at least as strong as those of torchattacks, at the same budget and steps?

    python -m benchmarks.attack_strength --checkpoint runs/a --checkpoint runs/b --frames 8 --steps
    10 --out strength

Every attack by gradients on the same validation frames, the same objective; mAP over the classes
that are present (lower is stronger) and the mean objective of the delivered frames (higher is
stronger). Writes OUT.md and OUT.json after every attack, so that a run that is stopped leaves what
it has.

The claim: the mAP under `apgd_decay` is no higher than that under the strongest attack of
    torchattacks. mAP over few
frames is noisy, and the strongest of many is picked after the fact, on the same frames: a
    difference of a point says little, the objective more.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch

from calico.data.open import open_source
from calico.frame import Frame
from calico_eval.attacks import ALGORITHMS, AttackSpec, Threat, attack_frames
from calico_eval.engines.torch import TorchEngine
from calico_eval.evaluate import score_batch
from calico_eval.metrics.intervals import pooled_values
from calico_eval.validation import eval_ranges

SUBJECT = "apgd_decay"
Row = dict[str, Any]


@click.command()
@click.option(
    "--checkpoint",
    "checkpoints",
    multiple=True,
    required=True,
    type=click.Path(path_type=Path, exists=True),
)
@click.option(
    "--frames",
    default=8,
    show_default=True,
    help="Frames, evenly spaced over the validation split.",
)
@click.option("--steps", default=10, show_default=True)
@click.option("--camera-levels", default=8, show_default=True)
@click.option("--range-m", default=0.0, show_default=True)
@click.option("--objective", default="hide", show_default=True)
@click.option(
    "--attack", "names", multiple=True, help="Only these; default: all by gradients, and noise."
)
@click.option("--device", default="cpu", show_default=True)
@click.option("--seed", default=0, show_default=True)
@click.option("--out", type=click.Path(path_type=Path), required=True)
def main(
    checkpoints: tuple[Path, ...],
    frames: int,
    steps: int,
    camera_levels: int,
    range_m: float,
    objective: str,
    names: tuple[str, ...],
    device: str,
    seed: int,
    out: Path,
) -> None:
    """Measures, and writes the table."""
    threat = Threat(camera_levels=camera_levels, range_m=range_m)
    specs = _specs(threat, objective, steps, names)
    about = {
        "threat": str(threat),
        "objective": objective,
        "steps": steps,
        "frames": frames,
        "seed": seed,
        "device": device,
    }
    rows: list[Row] = []
    for path in checkpoints:
        engine = TorchEngine.load(path, device, model_name=path.stem)
        source = open_source(engine.config, "val")
        chosen = [
            source[int(index)]
            for index in np.linspace(0, len(source) - 1, min(frames, len(source)))
        ]
        rows.append(_row(engine, chosen, None, seed))
        for spec in specs:
            rows.append(_row(engine, chosen, spec, seed))
            click.echo(rows[-1])
            out.with_suffix(".json").write_text(
                json.dumps({"about": about, "rows": rows}, indent=1) + "\n"
            )
            out.with_suffix(".md").write_text(_markdown(about, rows))


def _specs(threat: Threat, objective: str, steps: int, names: Sequence[str]) -> list[AttackSpec]:
    """Every attack that can use the whole threat."""
    chosen = []
    for name, algorithm in ALGORITHMS.items():
        wanted = name in names if names else algorithm.access == "gradients" or name == "noise"
        used = [field for field in ("camera_levels", "range_m") if getattr(threat, field)]
        if wanted and set(used) <= set(algorithm.allowances):
            chosen.append(AttackSpec(name, threat, objective, steps=steps))
    return chosen


def _row(engine: TorchEngine, frames: Sequence[Frame], spec: AttackSpec | None, seed: int) -> Row:
    """One attack (or none: the clean frames) on one model; frame by frame, as torchattacks runs."""
    start = time.perf_counter()
    attacked, losses, passes = list(frames), [], []
    if spec is not None:
        done = [one for frame in frames for one in attack_frames(engine, [frame], spec, seed)]
        attacked = [one.frame for one in done]
        losses = [
            one.details.loss_attacked for one in done if one.details.loss_attacked is not None
        ]
        passes = [one.details.forwards + one.details.backwards for one in done]
    seconds = time.perf_counter() - start
    ranges = eval_ranges(engine.config)
    stats = [stat for frame in attacked for stat in score_batch(engine, [frame], ranges)]
    return {
        "model": engine.model_name,
        "attack": "clean" if spec is None else spec.name,
        "mAP": pooled_values(stats)["mAP_present"],
        "objective": float(np.mean(losses)) if losses else None,
        "passes_per_frame": float(np.mean(passes)) if passes else 0.0,
        "s_per_frame": seconds / len(frames),
    }


def _markdown(about: Row, rows: Sequence[Row]) -> str:
    models = list(dict.fromkeys(row["model"] for row in rows))
    cell = {(row["attack"], row["model"]): row for row in rows}
    lines = [
        f"{about['threat']}, objective `{about['objective']}`, {about['steps']} steps, "
        f"{about['frames']} frames, "
        f"seed {about['seed']}, {about['device']}, torch {torch.__version__}. mAP (objective).",
        "",
        "| attack | " + " | ".join(models) + " | mean mAP | passes |",
        "|---" * (len(models) + 3) + "|",
    ]
    for name in dict.fromkeys(row["attack"] for row in rows):
        have = [cell.get((name, model)) for model in models]
        mean = f"{np.mean([row['mAP'] for row in have if row]):.4f}" if all(have) else ""
        texts = [_text(row) for row in have]
        passes = next(row["passes_per_frame"] for row in have if row)
        lines.append(f"| {name} | " + " | ".join(texts) + f" | {mean} | {passes:.0f} |")
    lines += ["", *_verdicts(models, cell)]
    return "\n".join(lines) + "\n"


def _text(row: Row | None) -> str:
    if row is None:
        return ""
    return f"{row['mAP']:.4f}" + ("" if row["objective"] is None else f" ({row['objective']:.2f})")


def _verdicts(models: Sequence[str], cell: dict[tuple[str, str], Row]) -> list[str]:
    """Per model: ours beside the strongest of torchattacks."""
    lines = []
    for model in models:
        theirs = [row for (name, of), row in cell.items() if of == model and name.startswith("ta_")]
        ours = cell.get((SUBJECT, model))
        if ours and theirs:
            by_map = min(theirs, key=lambda row: float(row["mAP"]))
            by_loss = max(theirs, key=lambda row: float(row["objective"]))
            holds = "holds" if ours["mAP"] <= by_map["mAP"] else "does not hold"
            lines.append(
                f"- {model}: `{SUBJECT}` {ours['mAP']:.4f}, strongest of torchattacks "
                f"`{by_map['attack']}` {by_map['mAP']:.4f}: "
                f"the claim {holds}. Objective {ours['objective']:.2f}, largest of torchattacks "
                f"{by_loss['objective']:.2f} "
                f"(`{by_loss['attack']}`)."
            )
    return lines


if __name__ == "__main__":
    main()
