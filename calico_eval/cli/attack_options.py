"""What the options of `calico robust` say of the attacks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from calico_eval.attacks import AttackSpec
    from calico_eval.attacks.parse import Budget
    from calico_eval.engines.base import Engine
    from calico_eval.evaluation.suites import Suite


@dataclass(frozen=True)
class AttackOptions:
    """The attacks, before it is known what the models have. Of the options nothing is loaded that needs torch."""

    names: tuple[str, ...]
    sensors: tuple[str, ...]
    budgets: tuple[Budget, ...]
    objectives: tuple[str, ...]
    steps: int | None
    queries: int | None
    restarts: int

    @staticmethod
    def of(
        chosen: Suite,
        sensors: Sequence[str] = (),
        eps: Sequence[str] = (),
        points: str | None = None,
        objectives: Sequence[str] = (),
        steps: int | None = None,
        queries: int | None = None,
        restarts: int = 1,
    ) -> AttackOptions:
        """Raises CalicoError for a budget that cannot be read."""
        from calico_eval.attacks.parse import Budget

        texts = [*names_of(eps), *(f"{n}points" for n in names_of([points or ""]))]
        budgets = tuple(Budget.parse(text) for text in texts)
        effort = (steps or chosen.steps, queries, restarts)
        return AttackOptions(
            chosen.attacks, tuple(sensors), budgets, tuple(names_of(objectives)), *effort
        )

    def check(self) -> None:
        """Raises CalicoError for an attack, sensor or objective that there is not, and for an effort that no attack makes."""
        from calico_eval.attacks.parse import check_options

        check_options(self.names, self.sensors, self.objectives, self.steps, self.queries)

    def specs(self, engines: Sequence[Engine], helpers: Sequence[Engine]) -> tuple[AttackSpec, ...]:
        """List every attack, on the sensors and with the objectives that these engines have.

        Args:
            engines: Engines that are evaluated.
            helpers: Engines that attacks are made on and that are not evaluated.

        Returns:
            The attacks. Where the user named no sensor, all sensors of the engines are attacked.
            Where the user named no objective, each engine whose gradients can be followed
            contributes its usual one; attacks by queries take "hide" for a model's own loss.
        """
        from dataclasses import replace

        from calico_eval.attacks.catalogue import ALGORITHMS
        from calico_eval.attacks.parse import attack_specs

        specs = attack_specs(
            self.names,
            self.sensors
            or tuple(dict.fromkeys(sensor for engine in engines for sensor in engine.sensors)),
            self.budgets,
            objectives=self.objectives or usual_objectives(engines, helpers),
            steps=self.steps,
            queries=self.queries,
            restarts=self.restarts,
        )
        if self.objectives:
            return specs
        return tuple(
            dict.fromkeys(
                replace(spec, objective=ALGORITHMS[spec.name].adapt_objective(spec.objective))
                for spec in specs
            )
        )


def usual_objectives(engines: Sequence[Engine], helpers: Sequence[Engine]) -> tuple[str, ...]:
    """Choose what attacks raise where the user names nothing.

    Args:
        engines: Engines that are evaluated.
        helpers: Engines that attacks are made on and that are not evaluated.

    Returns:
        One objective of our network ("hide", or "map_erase" where all models only draw maps) if an
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


def names_of(texts: Sequence[str]) -> list[str]:
    """The parts of options that take several values, separated by commas."""
    return [part.strip() for text in texts for part in text.split(",") if part.strip()]
