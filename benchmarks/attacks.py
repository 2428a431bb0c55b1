"""What an attack costs and how much it raises its objective.

    python benchmarks/attacks.py --checkpoint runs/tiny --frames 4

Attacks held-out frames of the checkpoint's data set and prints a Markdown table: seconds per frame (median), passes through the
model, the objective before and after, and detections above 0.3 before and after. Without a checkpoint: the tiny preset with
random weights, for which only the cost means something.
"""

from __future__ import annotations

import statistics
import time
from pathlib import Path

import click
import numpy as np
import torch

from calico.config.presets import tiny
from calico.data.batch import collate
from calico.data.open import open_source
from calico.frame import Frame
from calico.models.calico import build_model
from calico_eval.attacks import AttackDetails, AttackSpec, Threat, attack_frame
from calico_eval.attacks.catalogue import ALGORITHMS
from calico_eval.attacks.objectives import OBJECTIVES, Scene
from calico_eval.engines.torch import TorchEngine

SCORE = 0.3
SPECS = tuple(
    AttackSpec(name, threat, objective)
    for threat in (Threat(camera_levels=8), Threat(camera_rms=4), Threat(range_m=0.2), Threat(axis_m=0.2))
    for name, objective in (("noise", "hide"), ("pgd", "hide"), ("apgd", "hide"), ("pgd", "det"))
)


@click.command()
@click.option("--checkpoint", type=click.Path(path_type=Path, exists=True), help="Checkpoint or folder of a run.")
@click.option("--frames", default=4, show_default=True, help="Frames, evenly spaced over the validation split.")
@click.option("--device", default="auto", show_default=True)
@click.option("--seed", default=0, show_default=True)
def main(checkpoint: Path | None, frames: int, device: str, seed: int) -> None:
    """Prints the table."""
    engine = TorchEngine.load(checkpoint, device) if checkpoint else TorchEngine(build_model(tiny(), 0), tiny(), device)
    source = open_source(engine.config, "val")
    chosen = [source[int(index)] for index in np.linspace(0, len(source) - 1, min(frames, len(source)))]
    click.echo(f"{source.name}, {len(chosen)} frames, seed {seed}, {engine.name}, {torch.get_num_threads()} threads\n")
    click.echo(
        "| attack | threat | objective | steps | s/frame | forwards | loss clean | loss attacked | boxes > 0.3 |"
    )
    click.echo("|---|---|---|---|---|---|---|---|---|")
    attack_frame(engine, chosen[0], SPECS[0], seed)  # warms up allocator and caches
    for spec in SPECS:
        if set(spec.threat.sensors) <= set(engine.sensors):
            click.echo(_row(engine, chosen, spec, seed))


def _row(engine: TorchEngine, frames: list[Frame], spec: AttackSpec, seed: int) -> str:
    seconds: list[float] = []
    details: list[AttackDetails] = []
    losses: list[float] = []
    before = after = 0
    for frame in frames:
        start = time.perf_counter()
        result = attack_frame(engine, frame, spec, seed)
        seconds.append(time.perf_counter() - start)
        details.append(result.details)
        losses.append(_loss(engine, result.frame, spec))
        clean, attacked = engine.predict([frame, result.frame])
        before += int((clean.scores > SCORE).sum())
        after += int((attacked.scores > SCORE).sum())
    clean_loss = statistics.fmean(_loss(engine, frame, spec) for frame in frames)
    steps = spec.steps if ALGORITHMS[spec.name].access == "gradients" else 0
    return (
        f"| {spec.name} | {spec.threat} | {spec.objective} | {steps} | {statistics.median(seconds):.2f} "
        f"| {details[0].forwards} | {clean_loss:.3f} | {statistics.fmean(losses):.3f} | {before} -> {after} |"
    )


def _loss(engine: TorchEngine, frame: Frame, spec: AttackSpec) -> float:
    """The objective on a frame, whether an attack raised it or not."""
    batch = collate([frame]).to(engine.device)
    with torch.no_grad():
        return float(OBJECTIVES[spec.objective].loss(Scene(engine.model, batch), engine.model(batch))[0])


if __name__ == "__main__":
    main()
