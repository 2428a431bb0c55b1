"""`calico robust`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from calico.cli.options import PATH, claim_output, overwrite_options, with_model_config
from calico.cli.progress import Progress
from calico.extras import require_extra
from calico_eval.cli.attack_options import AttackOptions, names_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from calico.config.schema import Config
    from calico.data.source import FrameSource
    from calico_eval.attacks import AttackSpec
    from calico_eval.evaluation.inputs import EvaluationInputs
    from calico_eval.evaluation.options import RunOptions
    from calico_eval.evaluation.plan import EvaluationPlan
    from reports.schema import Results


def _refuse_sweep(context: click.Context, option: click.Parameter, value: tuple[str, ...]) -> None:
    """Name the new option to whoever types the old one."""
    if value:
        raise click.UsageError(f"--sweep is called --curve now: --curve {value[0]}", context)


@click.command("robust")
@with_model_config
@click.option(
    "--predictions",
    multiple=True,
    help="A folder of prediction files that another stack made: clean.json, fog-3.json ...; see calico corrupt. May be repeated.",
)
@click.option(
    "--attack-model",
    "attack_models",
    multiple=True,
    help="A MODEL to craft attacks on: the weights of an exported MODEL, or another model, whose attacks are then also shown to "
    "the others (transfer). It sees attacks only. May be repeated.",
)
@click.option(
    "--suite",
    help="A named choice of conditions: demo, calico, all, robo3d, robobev, multicorrupt, nuscenes-c or msc-bench.",
)
@click.option(
    "--corruptions",
    multiple=True,
    metavar="NAMES",
    help="Names (calico gallery shows all), several joined by +, or suites; separated by commas, may be repeated.  "
    "[default: calico, unless --attack or --curve is given]",
)
@click.option(
    "--severity",
    "severities",
    multiple=True,
    type=int,
    help="A level, from 1; may be repeated.  [default: all that there are]",
)
@click.option(
    "--curve",
    "curves",
    multiple=True,
    metavar="NAME.PARAMETER=GRID",
    help="A curve over the physical parameter of a corruption, and where each metric falls to half: START:END:N, START:END:logN "
    "or V1,V2,...; may be repeated.",
)
@click.option("--sweep", expose_value=False, hidden=True, multiple=True, callback=_refuse_sweep)
@click.option(
    "--attack",
    "attacks",
    multiple=True,
    metavar="NAMES",
    help="Attacks, e.g. pgd, apgd, square, spoof, noise, or suite: the worst per frame of several; "
    "list: docs/reference/attacks.md; "
    "separated by commas, may be repeated. With --corruptions: also on the corrupted frames.",
)
@click.option(
    "--sensor",
    "sensors",
    multiple=True,
    help="What an attack changes: camera, lidar, joint (both at once).  [default: in turn what the models have]",
)
@click.option(
    "--eps",
    multiple=True,
    metavar="BUDGETS",
    help="Budgets with units: 4/255, 2/255rms, 0.1m (along the ray), 0.1m/axis, 0.05i (intensity), 10%, 20deg; separated by "
    "commas, may be repeated.  [default: each attack's standard ones; 4/255 and 0.1m]",
)
@click.option(
    "--points",
    metavar="NUMBERS",
    help="Budgets of attacks that add or remove points, e.g. 60,100,200.",
)
@click.option(
    "--engine",
    "runtime",
    type=click.Choice(["torch", "onnx"]),
    help="What runs a MODEL that is a run folder: its weights, or its exported model.onnx; attacks follow the weights' gradients."
    "  [default: torch]",
)
@click.option(
    "--objective",
    "objectives",
    multiple=True,
    help="What an attack raises, e.g. hide, create, map_erase.  [default: hide; map_erase for models of the map alone]",
)
@click.option(
    "--steps",
    type=click.IntRange(min=1),
    help="Steps of an attack by gradients.  [default: 10; 5 of the demo suite's own attacks]",
)
@click.option(
    "--queries",
    type=click.IntRange(min=1),
    help="Questions that an attack by queries asks the model.  [default: 200; spoof and frustum 12]",
)
@click.option(
    "--restarts",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Starts of an attack; the best counts.",
)
@click.option(
    "--save-attacked",
    is_flag=True,
    help="Keep every attacked frame with its budget in OUT/attacked/<cell>/ (numpy files; "
    "how to verify them: docs/reference/attacks.md).",
)
@click.option(
    "--no-sanity",
    is_flag=True,
    help="Leave the sanity checks of the attacks out (about half of the time of a run on few frames); "
    "their figures then count as unchecked, and calico gate does not pass them.",
)
@click.option(
    "--frames",
    type=click.IntRange(min=1),
    help="Use so many frames, spread evenly over the split.  [default: all]",
)
@click.option("--split", type=click.Choice(["train", "val"]), default="val", show_default=True)
@click.option("--baseline", help="Label (model/engine) of the engine that mCE compares with.")
@click.option(
    "--out", type=PATH, help="Folder of the run.  [default: runs/<name of the first model>-robust]"
)
@overwrite_options
def command(
    models: tuple[str, ...],
    config: Config,
    attack_models: tuple[str, ...],
    suite: str | None,
    corruptions: tuple[str, ...],
    severities: tuple[int, ...],
    curves: tuple[str, ...],
    attacks: tuple[str, ...],
    sensors: tuple[str, ...],
    eps: tuple[str, ...],
    points: str | None,
    runtime: str | None,
    objectives: tuple[str, ...],
    steps: int | None,
    queries: int | None,
    restarts: int,
    save_attacked: bool,
    no_sanity: bool,
    frames: int | None,
    split: str,
    baseline: str | None,
    out: Path | None,
    resume: bool,
    overwrite: bool,
) -> None:
    """Measure models under corruptions and attacks; a killed run goes on with --resume.

    \b
    MODEL is a run folder, a .safetensors or .onnx file, package.module:factory, or, also as --predictions, a folder of
    prediction files (clean.json, fog-3.json, fog-visibility_m=87.json, ...); NAME=MODEL names it.
    Attacks by gradients need the run folder (torch) as MODEL or as --attack-model. Models without gradients are shown frames that
    were attacked on the torch model of the same name, or, as a transfer attack, on an --attack-model or the first torch model.
    Attacks by queries (square, nes, spoof ...) run on any MODEL.
    Examples:
      calico robust runs/tiny/model.onnx --out runs/tiny-robust
      calico robust --attack pgd
      calico robust runs/tiny --corruptions fog,fog+camera_crash --severity 3 --out runs/fog
      calico robust runs/tiny --corruptions robo3d --out runs/robo3d
      calico robust runs/tiny --curve fog.visibility_m=400:20:log8 --out runs/fog-curve
      calico robust runs/tiny/model.onnx --attack-model runs/tiny --suite demo --out runs/demo
      calico robust runs/tiny --attack pgd,noise --eps 2/255,8/255,0.1m,0.3m --out runs/pgd
      calico robust runs/tiny --attack spoof --points 60,100,200 --out runs/spoof
      calico robust runs/tiny --corruptions fog --severity 3 --attack pgd --sensor joint --out runs/fog-pgd
      calico robust runs/tiny --engine onnx --attack pgd --out runs/pgd-onnx
      calico robust runs/tiny --attack pgd --attack-model runs/other --out runs/transfer
      calico robust runs/tiny/model.onnx --attack square --queries 500 --frames 10 --out runs/square
      calico robust --predictions theirs --preset nuscenes --data-root DATA --corruptions fog --severity 3 --out runs/theirs
      calico robust my_package.my_model:create --preset nuscenes --data-root DATA --out runs/mine
    """
    from calico_eval.evaluation.curve_request import parse_curve
    from calico_eval.evaluation.suites import choose_suite, spread_indices
    from corruptions.presets import choose_levels

    # What is wrong with the options is said before torch, the data and the models are loaded.
    chosen = choose_suite(suite, corruptions, severities, names_of(attacks), curves)
    requests = [parse_curve(text) for text in curves]
    asked = AttackOptions.of(chosen, sensors, eps, points, objectives, steps, queries, restarts)
    extra = save_attacked or no_sanity or attack_models
    if not chosen.attacks and (asked != AttackOptions.of(chosen) or extra):
        raise click.UsageError(
            "--sensor, --eps, --points, --objective, --steps, --queries, --restarts, --save-attacked, --no-sanity and "
            "--attack-model are for attacks; add --attack pgd"
        )
    if severities and not chosen.corruptions:
        raise click.UsageError("--severity is for corruptions; add --corruptions, or leave it out")
    twins: tuple[str, ...] = ()
    if runtime == "onnx":
        twins = tuple(spec for spec in models if not spec.endswith(".onnx") and chosen.attacks)
        models = tuple(_exported(spec) for spec in models)
    choose_levels(chosen.corruptions, chosen.severities)
    require_extra("calico robust", "train")
    if out is not None:
        claim_output(out, resume=resume, overwrite=overwrite, kind="robust")
    asked.check()

    from calico.config.load import to_yaml
    from calico.data.open import open_source
    from calico.files import file_name
    from calico_eval.engines.base import label
    from calico_eval.engines.open import open_engine
    from calico_eval.evaluation.assignments import EngineRoles
    from calico_eval.evaluation.inputs import EvaluationInputs
    from calico_eval.evaluation.options import RunOptions
    from calico_eval.evaluation.plan import ConditionChoice, make_plan
    from calico_eval.validation import eval_ranges

    source = open_source(config, "train" if split == "train" else "val")
    engines = [open_engine(spec, config.device) for spec in models]
    attacked = [open_engine(spec, config.device) for spec in (*attack_models, *twins)]
    specs = asked.specs(engines, attacked)
    fit_source = _fit_source(config, split, specs)
    inputs = EvaluationInputs([*engines, *attacked], source, fit_source)
    labels = [label(engine) for engine in attacked]
    plan = make_plan(
        inputs,
        ConditionChoice(
            chosen.corruptions, chosen.severities, requests, specs, bool(corruptions and attacks)
        ),
        ranges=eval_ranges(config),
        roles=EngineRoles(baseline, labels, labels[: len(attack_models)]),
        indices=spread_indices(len(source), chosen.frames if frames is None else frames),
        seed=config.seed,
        batch_size=config.eval.batch_size,
    )
    for note in plan.notes:
        click.echo(note, err=True)
    folder = out or Path("runs") / f"{file_name(engines[0].model_name)}-robust"
    if out is None:
        claim_output(folder, resume=resume, overwrite=overwrite, kind="robust")
    title = f"Robustness of {_joined([engine.model_name for engine in engines])} on {source.name}"
    options = RunOptions(
        title,
        sys.argv,
        to_yaml(config),
        save_attacked=save_attacked,
        sanity=not no_sanity,
        resume=resume,
        overwrite=overwrite,
    )
    _run(plan, inputs, folder, options)


def _fit_source(config: Config, split: str, specs: Sequence[AttackSpec]) -> FrameSource | None:
    """The split that is not evaluated, where an attack is learnt on it; it need not be there for the others."""
    from calico.data.open import open_source
    from calico_eval.attacks import ALGORITHMS

    if all(ALGORITHMS[spec.name].fit is None for spec in specs):
        return None
    return open_source(config, "val" if split == "train" else "train")


def _exported(spec: str) -> str:
    """The ONNX file of a MODEL that is a run folder; a MODEL that is one already stays."""
    from calico.names import split_name

    if spec.endswith(".onnx"):
        return spec
    if not Path(split_name(spec)[1]).is_dir():
        raise click.UsageError(
            f"--engine onnx: {spec} is no run folder and no .onnx file; leave --engine out"
        )
    return f"{spec}/model.onnx"


def _run(plan: EvaluationPlan, inputs: EvaluationInputs, folder: Path, options: RunOptions) -> None:
    """Run the evaluation with a progress bar, and print where its results are."""
    from calico_eval.evaluation.options import Listeners
    from calico_eval.evaluation.run import run_evaluation
    from reports.clean_text import print_line
    from reports.sanity_verdict import sanity_lines

    bar = Progress("robustness")

    def progress(done: int, total: int, what: str) -> None:
        bar(done, total)
        if what.startswith("sanity"):  # after the last frame: they take as long as some cells
            click.echo(what, err=True)

    listeners = Listeners(progress, lambda message: click.echo(message, err=True))
    results = run_evaluation(plan, inputs, folder, options, listeners)
    for line in [*_halvings(results), *sanity_lines(results)]:
        print_line(line)
    click.echo(f"{len(results.cells)} cells: {folder / 'results.json'}")
    click.echo(f"next: calico report {folder}")


def _joined(names: Sequence[str]) -> str:
    """'a', 'a and b', 'a and 3 others'; a name that comes again counts once."""
    different = list(dict.fromkeys(names))
    return (
        " and ".join(different)
        if len(different) < 3
        else f"{different[0]} and {len(different) - 1} others"
    )


def _halvings(results: Results) -> list[str]:
    """'tiny/torch-cpu, fog: NDS falls to half at visibility_m 87.3 m [71, 102]', a line per curve and metric."""
    from reports.formatting import format_quantity

    lines = []
    for curve in results.curves:
        for metric, half in curve.half.items():
            start = f"{curve.model}/{curve.engine}, {curve.name}: {metric} falls to half "
            if half.value is None:
                lines.append(f"{start}nowhere on the curve: {half.reason}")
                continue
            ends = [
                format_quantity(end, half.unit) for end in (half.lo, half.hi) if end is not None
            ]
            shown = f" [{', '.join(ends)}]" if ends else ""
            lines.append(f"{start}at {curve.axis} {format_quantity(half.value, half.unit)}{shown}")
    return lines
