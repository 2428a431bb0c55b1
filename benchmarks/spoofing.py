"""How often a spoofed vehicle is taken for real: the robustness table of the CALICO paper.

From the repository's root:

    python -m benchmarks.spoofing random=runs/random calico=runs/calico --out runs/spoofing

Every run (a checkpoint or the folder of one) is attacked on the same validation frames of its data
set with at most 60, 100 and 200 points 5 to 8 m ahead (`calico_eval.attacks.lidar.spoof`), with the
traces of vehicles of the training split. A success is a box of the trace's class within 2 m of the
phantom, of at least the given score, that was not there on the clean frame. Beside it, random
points in the same window, as many as the budget has. A model that finds few cars finds few
phantoms, too: the success is also given at the score at which the model finds half of the real cars
on the same clean frames. All intervals are of scenes; the last column compares with the first run
on the same frames. Frames where no phantom fits (an object is ahead) are left out and counted.

Writes spoofing.md and spoofing.json (every frame's scores) and, for the first frames, pictures of
the clouds from above, clean
and spoofed, with what the model finds there: look at them before you believe a rate.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import click
import numpy as np
import torch
from PIL import Image

from calico.data.open import open_source
from calico.data.source import FrameSource
from calico.draw.bev import draw_bev
from calico.errors import CalicoError
from calico.frame import Frame
from calico.names import split_name
from calico.taxonomy import NUSCENES
from calico_eval.attacks import AttackSpec, Threat, attack_frame, check_budget, measure_budget
from calico_eval.attacks.lidar.spoof import WINDOW_DEG, spoof_frame, target_score
from calico_eval.attacks.lidar.vehicle_shapes import Trace, collect_traces
from calico_eval.attacks.success.counts import NEAR_M
from calico_eval.engines.torch import TorchEngine
from calico_eval.metrics.intervals import Interval, ratio_interval

PICTURE_M = 16.0


@dataclass(frozen=True)
class Try:
    """One frame: scores at the target with the phantom, with random points and without either.

    What was put where.
    """

    token: str
    scene: str
    score: float
    random: float
    clean: float
    points: int
    center_m: tuple[float, float]
    trace: str

    def success(self, threshold: float) -> bool:
        return self.score >= threshold > self.clean

    def random_success(self, threshold: float) -> bool:
        return self.random >= threshold > self.clean


@click.command()
@click.argument("runs", nargs=-1, required=True, metavar="NAME=RUN ...")
@click.option(
    "--frames",
    default=50,
    show_default=True,
    help="Frames, evenly spaced over the validation split.",
)
@click.option("--points", default="60,100,200", show_default=True, help="Budgets.")
@click.option("--tries", default=12, show_default=True, help="Queries for each frame and budget.")
@click.option("--score", default=0.3, show_default=True, help="Least score of a box that counts.")
@click.option(
    "--traces",
    default=400,
    show_default=True,
    help="Vehicle traces, of evenly spaced training frames.",
)
@click.option(
    "--pictures", default=3, show_default=True, help="Frames to draw, for each run and budget."
)
@click.option("--seed", default=0, show_default=True)
@click.option("--device", default="auto", show_default=True)
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("runs/spoofing"), show_default=True
)
def main(
    runs: tuple[str, ...],
    frames: int,
    points: str,
    tries: int,
    score: float,
    traces: int,
    pictures: int,
    seed: int,
    device: str,
    out: Path,
) -> None:
    """Attacks, prints and writes the table."""
    out.mkdir(parents=True, exist_ok=True)
    budgets = [int(text) for text in points.split(",")]
    results: dict[str, dict[int, list[Try | None]]] = {}
    halves: dict[str, float] = {}
    header = ""
    for run in runs:
        name, path = split_name(run)
        engine = TorchEngine.load(Path(path), device, name)
        source = open_source(engine.config, "val")
        vehicles = _collect_traces(open_source(engine.config, "train"), traces)
        chosen = _spread(len(source), frames)
        header = (
            f"{source.name}, {len(chosen)} frames, {len(vehicles)} traces, {tries} tries, score >= "
            f"{score:g}, seed {seed}, "
            f"{engine.name}, {torch.get_num_threads()} threads, 95 % intervals over scenes"
        )
        halves[engine.model_name] = half_recall(engine, (source[index] for index in chosen))
        results[engine.model_name] = {
            budget: [
                _attack(
                    engine,
                    source[index],
                    budget,
                    tries,
                    vehicles,
                    seed,
                    out if number < pictures else None,
                )
                for number, index in enumerate(chosen)
            ]
            for budget in budgets
        }
    text = "\n".join([header, "", *table(results, halves, score)]) + "\n"
    (out / "spoofing.md").write_text(text)
    frames_json = {
        name: {
            str(budget): [None if one is None else vars(one) for one in tried]
            for budget, tried in rows.items()
        }
        for name, rows in results.items()
    }
    record = {"header": header, "half_of_the_cars_from_score": halves, "results": frames_json}
    (out / "spoofing.json").write_text(json.dumps(record, indent=1) + "\n")
    click.echo(text)


def half_recall(engine: TorchEngine, frames: Iterable[Frame]) -> float:
    """The highest score at which the model finds half of the cars with LiDAR points on its grid.

    The median of the best score of a car within 2 m of each; 0 where it finds fewer at any score.
    """
    best, car = [], NUSCENES.names.index("car")
    grid = engine.config.grid
    for frame in frames:
        (found,) = engine.predict([frame])
        cars = frame.boxes.select((frame.boxes.labels == car) & (frame.boxes.num_points > 0)).boxes[
            :, :2
        ]
        (x_low, x_high), (y_low, y_high) = grid.x_range_m, grid.y_range_m
        inside = (
            (cars[:, 0] > x_low)
            & (cars[:, 0] < x_high)
            & (cars[:, 1] > y_low)
            & (cars[:, 1] < y_high)
        )
        mine = found.labels == car
        for center in cars[inside]:
            near = np.linalg.norm(found.boxes[mine, :2] - center, axis=1) <= NEAR_M
            best.append(float(found.scores[mine][near].max(initial=0.0)))
    return float(np.median(best)) if best else 0.0


def _mean(values: Sequence[int], scenes: Sequence[str]) -> Interval:
    return ratio_interval(np.array([[[int(value), 1]] for value in values], np.int64), scenes)


def _spread(n: int, count: int) -> list[int]:
    return np.unique(np.linspace(0, n - 1, min(count, n)).round().astype(int)).tolist()


def _collect_traces(source: FrameSource, limit: int) -> list[Trace]:
    """Traces of evenly spaced training frames; a frame has a dozen or so."""
    return collect_traces(
        (source[index] for index in _spread(len(source), max(1, limit // 4))), limit
    )


def _attack(
    engine: TorchEngine,
    frame: Frame,
    budget: int,
    tries: int,
    traces: Sequence[Trace],
    seed: int,
    out: Path | None,
) -> Try | None:
    """The attack and its control on one frame; None where no phantom fits."""
    threat = Threat(points_added=budget, points_removed=budget, window_deg=WINDOW_DEG)
    done = spoof_frame(engine, frame, AttackSpec("spoof", threat, steps=tries), lambda _: traces)
    if done.phantom is None:
        return None
    passed, message = check_budget(threat, measure_budget(frame, done.frame, structural=True))
    if not passed:
        raise CalicoError(f"frame {frame.token}: {message}")
    control = attack_frame(engine, frame, AttackSpec("spoof_random", threat), seed).frame
    if out is not None:
        _draw(engine, frame, done.frame, out / f"{engine.model_name}-{budget}-{frame.token}.png")
    return Try(
        token=frame.token,
        scene=frame.scene,
        score=done.score,
        random=target_score(engine.predict([control])[0], done.phantom),
        clean=done.score_clean,
        points=len(done.phantom.returns),
        center_m=(float(done.phantom.center[0]), float(done.phantom.center[1])),
        trace=f"{NUSCENES.names[done.phantom.trace.label]} {done.phantom.trace.name}",
    )


def _draw(engine: TorchEngine, clean: Frame, spoofed: Frame, path: Path) -> None:
    picture = partial(draw_bev, range_m=PICTURE_M)
    both = [
        picture(frame, found)
        for frame, found in zip((clean, spoofed), engine.predict([clean, spoofed]), strict=True)
    ]
    Image.fromarray(np.concatenate(both, axis=1)).save(path)


def table(
    results: dict[str, dict[int, list[Try | None]]], halves: dict[str, float], threshold: float
) -> list[str]:
    """Markdown, a line per model and budget. halves: by model, see `half_recall`."""
    lines = [
        "| model | points | frames | scenes | success | random points | mean score | minus the "
        "first model "
        "| half of the cars from score | success there |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    first = next(iter(results.values()))
    for name, rows in results.items():
        for budget, tried in rows.items():
            known = [one for one in tried if one is not None]
            if not known:
                lines.append(
                    f"| {name} | {budget} | 0 of {len(tried)} | 0 | - | - | - | - | - | - |"
                )
                continue
            scenes = [one.scene for one in known]
            success = _mean([one.success(threshold) for one in known], scenes)
            random = _mean([one.random_success(threshold) for one in known], scenes)
            half = halves[name]
            there = _mean([one.success(half) for one in known], scenes) if half > 0 else None
            lines.append(
                f"| {name} | {budget} | {len(known)} of {len(tried)} | {len(set(scenes))} | "
                f"{_rate(success)} | {_rate(random)} "
                f"| {np.mean([one.score for one in known]):.3f} | "
                f"{_versus(first[budget], tried, threshold)} "
                f"| {half:.3f} | {_rate(there) if there else 'finds fewer'} |"
            )
    return lines


def _versus(first: list[Try | None], other: list[Try | None], threshold: float) -> str:
    """Difference of the success rates on the frames that both have."""
    if first is other:
        return "-"
    pairs = [
        (a, b)
        for a, b in zip(first, other, strict=False)
        if a is not None and b is not None and a.token == b.token
    ]
    if not pairs:
        return "no common frames"
    differences = [float(b.success(threshold)) - float(a.success(threshold)) for a, b in pairs]
    return _show(_mean(differences, [a.scene for a, _ in pairs]))


def _rate(found: Interval) -> str:
    """In percent; the interval of Student's t ends at 0 and 100."""
    if found.lo is None or found.hi is None:
        return _show(found)
    return _show(replace(found, lo=max(found.lo, 0.0), hi=min(found.hi, 1.0)))


def _show(found: Interval) -> str:
    """In percent."""
    if found.lo is None or found.hi is None:
        return f"{100 * found.value:.0f}"
    return f"{100 * found.value:.0f} [{100 * found.lo:.0f}, {100 * found.hi:.0f}]"


if __name__ == "__main__":
    main()
