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
        """Every attack, on the sensors and for the heads of these engines where none are given. Heads are known of torch's
        engines; where none of them is one, those of the helpers, whose gradients are followed, count."""
        from calico_eval.attacks.parse import attack_specs
        from calico_eval.engines.network.objectives import usual_objective
        from calico_eval.engines.torch import TorchEngine

        configs = [
            [one.config for one in some if isinstance(one, TorchEngine)]
            for some in (engines, helpers)
        ]
        usual = usual_objective(configs[0] or configs[1])
        return attack_specs(
            self.names,
            self.sensors
            or tuple(dict.fromkeys(sensor for engine in engines for sensor in engine.sensors)),
            self.budgets,
            objectives=self.objectives or (usual,),
            steps=self.steps,
            queries=self.queries,
            restarts=self.restarts,
        )


def names_of(texts: Sequence[str]) -> list[str]:
    """The parts of options that take several values, separated by commas."""
    return [part.strip() for text in texts for part in text.split(",") if part.strip()]
