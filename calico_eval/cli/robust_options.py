"""The options of `calico robust`: which conditions, which attacks, which frames, and where to.

Nothing that needs torch is loaded here before the names that the user typed are checked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from calico.cli.option_groups import (
    gather_options,
    grouped_option,
    read_names,
    read_numbers,
    refuse_old_option,
)
from calico.cli.options import MODELS, PATH

if TYPE_CHECKING:
    from calico_eval.attacks import AttackSpec
    from calico_eval.attacks.parse import Budget
    from calico_eval.engines.base import Engine
    from calico_eval.evaluation.suites import Suite

CONDITIONS, ATTACKS, RUN = "Conditions", "Attacks", "Frames and output"


@dataclass(frozen=True)
class ConditionOptions:
    """The corruptions as they were typed.

    Attributes:
        suite: Name of a suite.
        corruptions: Names of corruptions and suites.
        severities: Levels.
        curves: Texts of curves.
    """

    suite: str | None = None
    corruptions: tuple[str, ...] = ()
    severities: tuple[int, ...] = ()
    curves: tuple[str, ...] = ()


@dataclass(frozen=True)
class AttackOptions:
    """The attacks as they were typed, before it is known what the models have.

    Attributes:
        attacks: Names of attacks. Without any, those of the suite are made.
        attack_models: Models that attacks are made on.
        sensors: Sensors to attack. Without any, all that the models have are attacked.
        eps: Budgets with units.
        points: Budgets of attacks that add or remove points.
        objectives: What the attacks raise. Without any, it is the usual one of the models.
        steps: Steps of attacks by gradients.
        queries: Queries of attacks by queries.
        restarts: Starts of an attack.
        save_attacked: Whether attacked frames are kept.
        no_sanity: Whether the sanity checks are left out.
    """

    attacks: tuple[str, ...] = ()
    attack_models: tuple[str, ...] = ()
    sensors: tuple[str, ...] = ()
    eps: tuple[str, ...] = ()
    points: tuple[str, ...] = ()
    objectives: tuple[str, ...] = ()
    steps: int | None = None
    queries: int | None = None
    restarts: int = 1
    save_attacked: bool = False
    no_sanity: bool = False

    @property
    def is_unused(self) -> bool:
        """Whether no option besides `--attack` was given."""
        return replace(self, attacks=()) == AttackOptions()

    def parse_budgets(self) -> tuple[Budget, ...]:
        """Parse the budgets.

        Raises:
            CalicoError: A budget has no known form.
        """
        from calico_eval.attacks.parse import Budget

        texts = [*self.eps, *(f"{number}points" for number in self.points)]
        return tuple(Budget.parse(text) for text in texts)

    def check_names(self, chosen: Suite) -> None:
        """Check the names and the effort that were typed.

        Args:
            chosen: Suite with the attacks.

        Raises:
            CalicoError: There is no such attack, sensor or objective, or no chosen attack uses
                steps or queries that were given.
        """
        from calico_eval.attacks.parse import check_options

        steps = self.steps or chosen.steps
        check_options(chosen.attacks, self.sensors, self.objectives, steps, self.queries)

    def make_specs(
        self, chosen: Suite, engines: Sequence[Engine], helpers: Sequence[Engine]
    ) -> tuple[AttackSpec, ...]:
        """Make every attack, on the sensors and with the objectives that the engines have.

        Args:
            chosen: Suite with the attacks.
            engines: Engines that are evaluated.
            helpers: Engines that attacks are made on and that are not evaluated.

        Returns:
            The attacks. Without `--sensor`, all sensors of the engines are attacked. Without
            `--objective`, each engine whose gradients can be followed contributes its usual one;
            attacks by queries take "hide" for a model's own loss.
        """
        from calico_eval.attacks.catalogue import ALGORITHMS
        from calico_eval.attacks.parse import attack_specs

        all_sensors = dict.fromkeys(sensor for engine in engines for sensor in engine.sensors)
        specs = attack_specs(
            chosen.attacks,
            self.sensors or tuple(all_sensors),
            self.parse_budgets(),
            objectives=self.objectives or choose_usual_objectives(engines, helpers),
            steps=self.steps or chosen.steps,
            queries=self.queries,
            restarts=self.restarts,
        )
        if self.objectives:
            return specs
        adapted = (
            replace(spec, objective=ALGORITHMS[spec.name].adapt_objective(spec.objective))
            for spec in specs
        )
        return tuple(dict.fromkeys(adapted))


def choose_usual_objectives(
    engines: Sequence[Engine], helpers: Sequence[Engine]
) -> tuple[str, ...]:
    """Choose what attacks raise if the user names nothing.

    Args:
        engines: Engines that are evaluated.
        helpers: Engines that attacks are made on and that are not evaluated.

    Returns:
        One objective of our network ("hide", or "map_erase" if all models only draw maps) if an
        attack can follow our network, and "model_loss" if it can follow a user's model. Helpers
        count for the kind of model that is not among the engines.
    """
    from calico_eval.engines.base import MODEL_LOSS
    from calico_eval.engines.white_box import as_white_box

    usual = [
        [found.usual_objective for one in some if (found := as_white_box(one)) is not None]
        for some in (engines, helpers)
    ]
    chosen: list[str] = []
    for some in usual:
        own = {name for name in some if name != MODEL_LOSS}
        if own and not {*chosen} - {MODEL_LOSS}:
            chosen.append("hide" if "hide" in own else own.pop())
        if MODEL_LOSS in some and MODEL_LOSS not in chosen:
            chosen.append(MODEL_LOSS)
    return tuple(chosen) or ("hide",)


@dataclass(frozen=True)
class RunChoice:
    """Which frames are evaluated, by what, and where the run is written.

    Attributes:
        runtime: What runs a model that is a run folder: 'torch' or 'onnx'.
        baseline: Label of the engine that mCE compares with.
        split: 'train' or 'val'.
        frames: Number of frames. None takes the suite's number, or all.
        out: Folder of the run. None names it after the first model.
        resume: Whether to go on with the run in the folder.
        overwrite: Whether to delete what the folder holds.
    """

    runtime: str | None = None
    baseline: str | None = None
    split: str = "val"
    frames: int | None = None
    out: Path | None = None
    resume: bool = False
    overwrite: bool = False


_OPTIONS = (
    grouped_option(
        MODELS,
        "--predictions",
        multiple=True,
        help="A folder of prediction files that another stack made: clean.json, fog-3.json ...; "
        "see calico corrupt. May be repeated.",
    ),
    grouped_option(
        MODELS,
        "--engine",
        "runtime",
        type=click.Choice(["torch", "onnx"]),
        help="What runs a MODEL that is a run folder: its weights, or its exported model.onnx. "
        "Attacks follow the gradients of the weights.  [default: torch]",
    ),
    grouped_option(
        MODELS, "--baseline", help="Label (model/engine) of the engine that mCE compares with."
    ),
    grouped_option(
        CONDITIONS,
        "--suite",
        help="A named choice of conditions: demo, calico, all, robo3d, robobev, multicorrupt, "
        "nuscenes-c or msc-bench.",
    ),
    grouped_option(
        CONDITIONS,
        "--corruptions",
        multiple=True,
        callback=read_names,
        metavar="NAMES",
        help="Corruptions (calico gallery shows all), several joined by +, or suites; separated by "
        "commas.  [default: calico, unless --attack or --curve is given]",
    ),
    grouped_option(
        CONDITIONS,
        "--severity",
        "severities",
        multiple=True,
        callback=read_numbers,
        metavar="LEVELS",
        help="Levels from 1, separated by commas.  [default: all]",
    ),
    grouped_option(
        CONDITIONS,
        "--curve",
        "curves",
        multiple=True,
        metavar="NAME.PARAMETER=GRID",
        help="A curve over the physical parameter of a corruption, and where each metric falls to "
        "half: START:END:N, START:END:logN or V1,V2,...; may be repeated.",
    ),
    refuse_old_option("--sweep", "--curve"),
    grouped_option(
        ATTACKS,
        "--attack",
        "attacks",
        multiple=True,
        callback=read_names,
        metavar="NAMES",
        help="Attacks, e.g. pgd, apgd, square, spoof, noise, or suite (the worst per frame of "
        "several); separated by commas. docs/reference/attacks.md lists them. With --corruptions: "
        "also on the corrupted frames.",
    ),
    grouped_option(
        ATTACKS,
        "--attack-model",
        "attack_models",
        multiple=True,
        help="PyTorch model whose gradients the attacks follow. Use it if MODEL has no gradients "
        "(an ONNX file), or name another model to measure transfer attacks. It is not evaluated "
        "under corruptions. May be repeated.",
    ),
    grouped_option(
        ATTACKS,
        "--sensor",
        "sensors",
        multiple=True,
        callback=read_names,
        metavar="SENSORS",
        help="What an attack changes: camera, lidar, joint (both at once); separated by commas.  "
        "[default: in turn what the models have]",
    ),
    grouped_option(
        ATTACKS,
        "--eps",
        multiple=True,
        callback=read_names,
        metavar="BUDGETS",
        help="Budgets with units: 4/255, 2/255rms, 0.1m (along the ray), 0.1m/axis, 0.05i "
        "(intensity), 10%, 20deg; separated by commas.  [default: each attack's standard ones; "
        "4/255 and 0.1m]",
    ),
    grouped_option(
        ATTACKS,
        "--points",
        multiple=True,
        callback=read_names,
        metavar="NUMBERS",
        help="Budgets of attacks that add or remove points, e.g. 60,100,200.",
    ),
    grouped_option(
        ATTACKS,
        "--objective",
        "objectives",
        multiple=True,
        callback=read_names,
        metavar="NAMES",
        help="What an attack raises, e.g. hide, create, map_erase; separated by commas.  "
        "[default: hide; map_erase for models of the map alone]",
    ),
    grouped_option(
        ATTACKS,
        "--steps",
        type=click.IntRange(min=1),
        help="Steps of an attack by gradients.  [default: 10; 5 of the demo suite's own attacks]",
    ),
    grouped_option(
        ATTACKS,
        "--queries",
        type=click.IntRange(min=1),
        help="Questions that an attack by queries asks the model.  "
        "[default: 200; spoof and frustum 12]",
    ),
    grouped_option(
        ATTACKS,
        "--restarts",
        type=click.IntRange(min=1),
        default=1,
        show_default=True,
        help="Starts of an attack; the best counts.",
    ),
    grouped_option(
        ATTACKS,
        "--save-attacked",
        is_flag=True,
        help="Keep every attacked frame with its budget in OUT/attacked/<cell>/ (numpy files; how "
        "to verify them: docs/reference/attacks.md).",
    ),
    grouped_option(
        ATTACKS,
        "--no-sanity",
        is_flag=True,
        help="Leave the sanity checks of the attacks out (about half of the time of a run on few "
        "frames). Their figures then count as unchecked, and calico gate does not pass them.",
    ),
    grouped_option(
        RUN, "--split", type=click.Choice(["train", "val"]), default="val", show_default=True
    ),
    grouped_option(
        RUN,
        "--frames",
        type=click.IntRange(min=1),
        help="Number of frames, spread evenly over the split.  [default: all]",
    ),
    grouped_option(
        RUN,
        "--out",
        type=PATH,
        help="Folder of the run.  [default: runs/<name of the first model>-robust]",
    ),
    grouped_option(
        RUN,
        "--resume",
        is_flag=True,
        help="Go on where an interrupted run of the same command stopped.",
    ),
    grouped_option(
        RUN,
        "--overwrite",
        is_flag=True,
        help="Delete what the output folder holds and start again.",
    ),
)


def add_robust_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of `calico robust`, which the command gets as three dataclasses."""
    function = gather_options("conditions", ConditionOptions)(function)
    function = gather_options("attacking", AttackOptions)(function)
    function = gather_options("choice", RunChoice)(function)
    for option in reversed(_OPTIONS):
        function = option(function)
    return function
