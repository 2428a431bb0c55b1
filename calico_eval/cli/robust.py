"""`calico robust`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from calico.cli.option_groups import GroupedCommand
from calico.cli.options import CONFIGURATION, MODELS, claim_output, with_model_config
from calico.cli.progress import Progress
from calico.extras import require_extra
from calico_eval.cli.robust_options import (
    ATTACKS,
    CONDITIONS,
    RUN,
    AttackOptions,
    ConditionOptions,
    RunChoice,
    add_robust_options,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from calico.config.schema import Config
    from calico.data.source import FrameSource
    from calico_eval.attacks import AttackSpec
    from calico_eval.evaluation.inputs import EvaluationInputs
    from calico_eval.evaluation.options import RunOptions
    from calico_eval.evaluation.plan import EvaluationPlan
    from calico_eval.evaluation.suites import Suite
    from reports.schema import Results


@click.command(
    "robust", cls=GroupedCommand, headings=(MODELS, CONDITIONS, ATTACKS, RUN, CONFIGURATION)
)
@with_model_config
@add_robust_options
def command(
    models: tuple[str, ...],
    config: Config,
    conditions: ConditionOptions,
    attacking: AttackOptions,
    choice: RunChoice,
) -> None:
    """Measure models under corruptions and attacks. --resume goes on with a killed run.

    \b
    MODEL is a run folder, a .safetensors or .onnx file, package.module:factory,
    or a folder of prediction files (also: --predictions); NAME=MODEL names it.

    Attacks by gradients need a model in torch, as MODEL or as --attack-model. An
    exported model is attacked through the torch model of the same name. Attacks by
    queries (square, nes, spoof ...) run on any MODEL. See docs/guides/evaluate.md
    and docs/guides/attack.md.

    \b
    Examples:
      calico robust runs/tiny/model.onnx --out runs/tiny-robust
      calico robust runs/tiny --corruptions fog,fog+camera_crash --severity 1,3,5
      calico robust runs/tiny --curve fog.visibility_m=400:20:log8
      calico robust runs/tiny --attack pgd,noise --eps 2/255,8/255,0.1m,0.3m
      calico robust my_package.my_model:create --preset nuscenes --data-root DATA
    \f

    Args:
        models: Models as they were typed.
        config: Configuration of the frames.
        conditions: Corruptions.
        attacking: Attacks.
        choice: Frames and output.
    """
    chosen = _choose_suite(conditions, attacking)
    twins: tuple[str, ...] = ()
    if choice.runtime == "onnx":
        twins = tuple(spec for spec in models if not spec.endswith(".onnx") and chosen.attacks)
        models = tuple(_find_exported(spec) for spec in models)
    require_extra("calico robust", "train")
    if choice.out is not None:
        _claim_folder(choice.out, choice)
    attacking.check_names(chosen)

    from calico.config.load import to_yaml
    from calico.files import file_name
    from calico_eval.evaluation.options import RunOptions

    plan, inputs = _plan(models, twins, config, chosen, conditions, attacking, choice)
    for note in plan.notes:
        click.echo(note, err=True)
    first = inputs.engines[0].model_name
    folder = choice.out or Path("runs") / f"{file_name(first)}-robust"
    if choice.out is None:
        _claim_folder(folder, choice)
    names = [engine.model_name for engine in inputs.engines[: len(models)]]
    options = RunOptions(
        title=f"Robustness of {_join_names(names)} on {inputs.source.name}",
        command=sys.argv,
        config_yaml=to_yaml(config),
        save_attacked=attacking.save_attacked,
        sanity=not attacking.no_sanity,
        resume=choice.resume,
        overwrite=choice.overwrite,
    )
    _run(plan, inputs, folder, options)


def _choose_suite(conditions: ConditionOptions, attacking: AttackOptions) -> Suite:
    """Choose the conditions, and find mistakes before torch, the data and the models are loaded."""
    from calico_eval.evaluation.curve_request import parse_curve
    from calico_eval.evaluation.suites import choose_suite
    from corruptions.presets import choose_levels

    chosen = choose_suite(
        conditions.suite,
        conditions.corruptions,
        conditions.severities,
        attacking.attacks,
        conditions.curves,
    )
    for text in conditions.curves:
        parse_curve(text)
    attacking.parse_budgets()
    if not chosen.attacks and not attacking.is_unused:
        raise click.UsageError(
            "--sensor, --eps, --points, --objective, --steps, --queries, --restarts, "
            "--save-attacked, --no-sanity and --attack-model are for attacks; add --attack pgd"
        )
    if conditions.severities and not chosen.corruptions:
        raise click.UsageError("--severity is for corruptions; add --corruptions, or leave it out")
    choose_levels(chosen.corruptions, chosen.severities)
    return chosen


def _claim_folder(folder: Path, choice: RunChoice) -> None:
    claim_output(folder, resume=choice.resume, overwrite=choice.overwrite, kind="robust")


def _plan(
    models: Sequence[str],
    twins: Sequence[str],
    config: Config,
    chosen: Suite,
    conditions: ConditionOptions,
    attacking: AttackOptions,
    choice: RunChoice,
) -> tuple[EvaluationPlan, EvaluationInputs]:
    """Open models and data, and plan the evaluation. twins: the weights of exported models."""
    from calico.data.open import open_source
    from calico_eval.engines.base import label
    from calico_eval.engines.open import open_engine
    from calico_eval.evaluation.assignments import EngineRoles
    from calico_eval.evaluation.curve_request import parse_curve
    from calico_eval.evaluation.inputs import EvaluationInputs
    from calico_eval.evaluation.plan import ConditionChoice, make_plan
    from calico_eval.evaluation.suites import spread_indices
    from calico_eval.validation import eval_ranges

    source = open_source(config, "train" if choice.split == "train" else "val")
    engines = [open_engine(spec, config.device) for spec in models]
    attack_models = (*attacking.attack_models, *twins)
    attacked = [open_engine(spec, config.device) for spec in attack_models]
    specs = attacking.make_specs(chosen, engines, attacked)
    fit_source = _open_fit_source(config, choice.split, specs)
    inputs = EvaluationInputs([*engines, *attacked], source, fit_source)
    labels = [label(engine) for engine in attacked]
    plan = make_plan(
        inputs,
        ConditionChoice(
            corruptions=chosen.corruptions,
            severities=chosen.severities,
            curves=[parse_curve(text) for text in conditions.curves],
            attacks=specs,
            attack_corrupted=bool(conditions.corruptions and attacking.attacks),
        ),
        ranges=eval_ranges(config),
        roles=EngineRoles(choice.baseline, labels, labels[: len(attacking.attack_models)]),
        indices=spread_indices(len(source), choice.frames or chosen.frames),
        seed=config.seed,
        batch_size=config.eval.batch_size,
    )
    return plan, inputs


def _open_fit_source(config: Config, split: str, specs: Sequence[AttackSpec]) -> FrameSource | None:
    """Open the split that is not evaluated, if an attack is learnt on it."""
    from calico.data.open import open_source
    from calico_eval.attacks import ALGORITHMS

    if all(ALGORITHMS[spec.name].fit is None for spec in specs):
        return None
    return open_source(config, "val" if split == "train" else "train")


def _find_exported(spec: str) -> str:
    """Find the ONNX file of a MODEL that is a run folder; a MODEL that is one already stays."""
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
    for line in [*_describe_halves(results), *sanity_lines(results)]:
        print_line(line)
    click.echo(f"{len(results.cells)} cells: {folder / 'results.json'}")
    click.echo(f"next: calico report {folder}")


def _join_names(names: Sequence[str]) -> str:
    """Join names: 'a', 'a and b', 'a and 3 others'; a name that comes again counts once."""
    different = list(dict.fromkeys(names))
    return (
        " and ".join(different)
        if len(different) < 3
        else f"{different[0]} and {len(different) - 1} others"
    )


def _describe_halves(results: Results) -> list[str]:
    """Describe where each metric of each curve falls to half, one line each."""
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
