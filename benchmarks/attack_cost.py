"""What a step of a gradient attack costs against the bare forward and backward pass that it needs.

    python benchmarks/attack_cost.py --checkpoint runs/tiny --frames 4 [--write]

For every threat and attack: seconds per step and frame (the least of the repeats: what else the
    machine does only adds), those of the bare passes (the model's own forward pass of the attacked
    branch, trunk and head, the objective, and the gradient with respect to the input), and the
    overhead, which should be below 10 %. Seconds are the processor's on a CPU. An attack also looks
at its last iterate: one more forward pass than it has steps. Without a checkpoint: the tiny preset
    with random weights, whose cost is the same. `--write` keeps the table for the docs.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch

from calico.config.presets import make_tiny
from calico.data.open import open_source
from calico.frame import Frame
from calico.models.calico import build_model
from calico_eval.attacks import AttackSpec, Threat
from calico_eval.attacks.search_space.joint import make_domain
from calico_eval.attacks.search_space.problem import Problem
from calico_eval.attacks.whitebox.gradient import apgd, apgd_decay, mifgsm, pgd
from calico_eval.attacks.whitebox.run import make_streams
from calico_eval.engines.network.forward import AttackForward, white_box
from calico_eval.engines.network.objectives import OBJECTIVES, Scene
from calico_eval.engines.torch import TorchEngine

RESULT = Path(__file__).parent / "results" / "attacks.json"
THREATS = (Threat(camera_levels=4), Threat(range_m=0.1), Threat(camera_levels=4, range_m=0.1))
SEARCHES = {"pgd": pgd, "mifgsm": mifgsm, "apgd": apgd, "apgd_decay": apgd_decay}


@click.command()
@click.option(
    "--checkpoint",
    type=click.Path(path_type=Path, exists=True),
    help="Checkpoint or folder of a run.",
)
@click.option(
    "--frames",
    default=4,
    show_default=True,
    help="Frames of one batch, evenly spaced over the validation split.",
)
@click.option("--steps", default=10, show_default=True)
@click.option("--repeats", default=7, show_default=True)
@click.option("--device", default="auto", show_default=True)
@click.option("--write", is_flag=True, help="Write benchmarks/results/attacks.json.")
def main(
    checkpoint: Path | None, frames: int, steps: int, repeats: int, device: str, write: bool
) -> None:
    """Prints the table."""
    engine = (
        TorchEngine.load(checkpoint, device)
        if checkpoint
        else TorchEngine(build_model(make_tiny(), 0), make_tiny(), device)
    )
    source = open_source(engine.config, "val")
    chosen = [source[int(index)] for index in np.linspace(0, len(source) - 1, frames)]
    where = f"{engine.name}, {torch.get_num_threads()} threads"
    click.echo(
        f"{source.name}, one batch of {frames} frames, {steps} steps, {where}; least of {repeats}\n"
    )
    click.echo("| threat | attack | s per step and frame | bare passes | overhead |")
    click.echo("|---|---|---|---|---|")
    rows = []
    for threat in THREATS:
        for name in SEARCHES:
            spec = AttackSpec(name, threat, steps=steps)
            row = {"threat": str(threat), "attack": name, **_measure(engine, chosen, spec, repeats)}
            rows.append(row)
            over = 100 * (row["step_s"] / row["bare_s"] - 1)
            click.echo(
                f"| {threat} | {name} | {row['step_s']:.3f} | {row['bare_s']:.3f} | {over:+.0f} % |"
            )
    if write:
        record = {
            "rows": rows,
            "frames": frames,
            "steps": steps,
            "repeats": repeats,
            "machine": where,
            "data": source.name,
        }
        RESULT.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def _measure(
    engine: TorchEngine, frames: list[Frame], spec: AttackSpec, repeats: int
) -> dict[str, Any]:
    """Seconds per step and frame of the attack and of the passes alone, alternating.

    So that a slow moment hits both.
    """
    with white_box(engine):
        domain = make_domain(frames, spec.threat, engine.device)
        batch = domain.make_batch(domain.clean)
        scene, objective = Scene(engine.model, batch), OBJECTIVES[spec.objective]
        forward = AttackForward(
            engine.model, batch, spec.threat.sensors, crossing_m=spec.crossing_m
        )

        def passes() -> None:
            for _ in range(spec.steps):
                x = domain.clean.clone().requires_grad_(True)
                torch.autograd.grad(objective.loss(scene, forward(domain.make_batch(x))).sum(), x)

        def attack() -> None:
            problem = Problem(
                domain,
                lambda x: objective.loss(scene, forward(domain.make_batch(x))),
                differentiable=True,
            )
            SEARCHES[spec.name](problem, spec, make_streams(frames, spec, 0))

        passes()  # warms up
        times: dict[str, list[float]] = {"step_s": [], "bare_s": []}
        for _ in range(repeats):
            times["bare_s"].append(_seconds(passes, engine))
            times["step_s"].append(_seconds(attack, engine))
    return {name: min(values) / (spec.steps * len(frames)) for name, values in times.items()}


def _seconds(run: Callable[[], None], engine: TorchEngine) -> float:
    """Processor time on a CPU (others may use the machine), wall time on a GPU."""
    if engine.device.type == "cpu":
        start = time.process_time()
        run()
        return time.process_time() - start
    start = time.perf_counter()
    run()
    torch.cuda.synchronize(engine.device)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
