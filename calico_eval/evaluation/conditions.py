"""What is done to the sensors: clean frames, a corruption at a severity or at a value of its parameter, an attack.

The table of attacks, and torch with it, is loaded when an attack is described.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Literal

from calico.errors import CalicoError
from calico_eval import attacks
from calico_eval.attacks.budget.threat import Threat
from calico_eval.engines.base import Engine, Predictor
from calico_eval.engines.predictions import PredictionFiles
from corruptions import CorruptionError, Spec, find_corruptions
from corruptions.apply import as_whole_number
from corruptions.preset import Level
from reports.schema import Condition

if TYPE_CHECKING:
    from calico_eval.attacks.spec import AttackSpec

Kind = Literal["clean", "corruption", "curve", "attack"]


@dataclass(frozen=True)
class ConditionSpec:
    """One condition.

    kind: a "curve" point is a corruption that belongs to a curve, and to no mean over corruptions.
    name, severity: of a corruption. value: of its physical parameter, where it is given directly; then the severity is only a
        label of the condition (0 for a curve point) and does not choose the strength.
    attack: of an attack, whose name and budget it holds.
    corrupted: the corruption that comes before the attack; None where there is none.
    transferred_from: label of the engine of another model that the attack was made on, of an attack that is shown as a transfer
        attack; None for an attack on the engine itself, or on its own weights.
    """

    kind: Kind
    name: str = "clean"
    severity: int = 0
    attack: AttackSpec | None = None
    value: float | None = None
    transferred_from: str | None = None
    corrupted: ConditionSpec | None = None

    @staticmethod
    def corruption(name: str, severity: int, value: float | None = None) -> ConditionSpec:
        """A corruption (or several joined by '+') at severity 1..5, or at a suite's level of that number, which has a value.

        Raises:
            CorruptionError: there is no such corruption or severity, or a value that it cannot take.
        """
        if value is not None:
            return ConditionSpec("corruption", name, severity, value=_checked(name, value))
        specs = find_corruptions(name)
        severity = as_whole_number(name, severity)
        if not 1 <= severity <= len(specs[0].levels):
            raise CorruptionError(
                f"{name}: severity is {severity}, expected 1 to {len(specs[0].levels)}"
            )
        return ConditionSpec("corruption", name, severity)

    @staticmethod
    def curve_point(name: str, value: float) -> ConditionSpec:
        """A corruption at a value of its physical parameter, e.g. fog at a visibility of 87 m.

        Raises:
            CorruptionError: there is no such corruption, it is a pair, or the value is outside its limits.
        """
        return ConditionSpec("curve", name, value=_checked(name, value))

    @staticmethod
    def of_attack(attack: AttackSpec, on: ConditionSpec | None = None) -> ConditionSpec:
        """An attack: 'camera_pgd', 'lidar_noise', 'joint_apgd_create' ...; `on`: on frames under this corruption first."""
        attack = attacks.check_spec(attack)
        plain = "_".join(
            [
                attack.sensor,
                attack.name,
                *([] if attack.objective == "hide" else [attack.objective]),
            ]
        )
        if on is None:
            return ConditionSpec("attack", plain, attack=attack)
        return ConditionSpec(
            "attack", f"{on.name}+{plain}", on.severity, attack, on.value, corrupted=on
        )

    def transferred(self, source: str) -> ConditionSpec:
        """An attack that was made on the engine `source`, as what it is to other models: 'camera_pgd_transfer'."""
        return replace(self, transferred_from=source)

    @property
    def change(self) -> ConditionSpec:
        """What is done to the frames: of a transfer attack, the attack on its own model."""
        return replace(self, transferred_from=None)

    @property
    def title(self) -> str:
        """Its name in results.json: 'fog', 'camera_pgd', 'camera_pgd_transfer'."""
        return f"{self.name}_transfer" if self.transferred_from else self.name

    @property
    def before(self) -> ConditionSpec:
        """What an attack's frames are under before it: its corruption, or nothing."""
        return self.corrupted or CLEAN

    @property
    def moves_boxes(self) -> bool:
        """Whether the ground truth is another than that of the clean frames."""
        change = self.before if self.attack else self
        return change.kind != "clean" and any(
            "labels" in spec.sensors for spec in find_corruptions(change.name)
        )

    def describe(self) -> Condition:
        """The condition as results.json has it, with its physical parameters."""
        if self.attack is not None:
            axis, _, unit = self.attack.threat.main
            before = self.corrupted.describe().parameters if self.corrupted else {}
            source = {"crafted_on": self.transferred_from} if self.transferred_from else {}
            return Condition(
                kind="attack",
                name=self.title,
                severity=self.severity,
                parameters={**before, **_parameters(self.attack), **source},
                axis=axis,
                unit=unit,
                sensors=self.attack.threat.sensors,
                control=attacks.ALGORITHMS[self.attack.name].control,
            )
        if self.kind == "clean":
            return Condition(kind="clean", name="clean")
        specs = find_corruptions(self.name)
        sensors = {
            "camera" if sensor == "calibration" else sensor
            for spec in specs
            for sensor in spec.sensors
        }
        single = specs[0] if len(specs) == 1 else None
        return Condition(
            kind="curve" if self.kind == "curve" else "corruption",
            name=self.name,
            severity=self.severity,
            parameters={
                spec.parameter: float(spec.value_at(self.severity))
                if self.value is None
                else self.value
                for spec in specs
            },
            axis=single.parameter if single else None,
            unit=single.unit if single else None,
            sensors=tuple(sensor for sensor in ("camera", "lidar") if sensor in sensors),
        )

    @property
    def file_stem(self) -> str:
        """'clean', 'fog-3', 'fog-visibility_m=87': the name of the condition's file in a folder of predictions."""
        return self.name if self.kind == "clean" else self._level.file_stem

    def __str__(self) -> str:
        """'clean', 'fog 3', 'fog visibility_m=87', 'camera_pgd 8/255', 'fog+camera_pgd 3, 8/255'."""
        if self.attack is not None:
            level = f"{self.severity}, " if self.corrupted else ""
            source = f", from {self.transferred_from}" if self.transferred_from else ""
            return f"{self.title} {level}{self.attack.threat}{source}"
        return self.name if self.kind == "clean" else f"{self.name} {self._level.at}"

    @property
    def _level(self) -> Level:
        return Level(self.name, self.severity, self.value)


CLEAN = ConditionSpec("clean")


def single(name: str) -> Spec:
    """The corruption of that name.

    Raises:
        CorruptionError: there is none, or the name joins several, which have no single parameter.
    """
    specs = find_corruptions(name)
    if len(specs) > 1:
        each = " and ".join(f"{spec.name}.{spec.parameter}" for spec in specs)
        raise CorruptionError(
            f"{name!r} is a pair, which has no single parameter; give one of its parts: {each}"
        )
    return specs[0]


def _checked(name: str, value: float) -> float:
    """The value, where the corruption can take it."""
    spec = single(name)
    low, high = spec.limits
    if not (math.isfinite(value) and low <= value <= high):
        raise CorruptionError(
            f"{name}: {spec.parameter} is {value:g}, expected {low:g} to {high:g} {spec.unit}"
        )
    return float(value)


def predictor(engine: Engine, condition: ConditionSpec) -> Predictor:
    """What answers for the engine under a condition: itself, or that condition's file of predictions.

    Raises:
        CalicoError: there is no such file, or it would have to be attacked.
    """
    if not isinstance(engine, PredictionFiles):
        return engine
    if condition.attack is not None:
        raise CalicoError(
            f"attack {condition}: {engine.model_name} is a folder of predictions; attacked frames need a model"
        )
    return engine.under(condition.file_stem)


def _parameters(attack: AttackSpec) -> dict[str, float | int | str | None]:
    """All that the attack's result depends on: the allowances of its threat, then its effort."""
    unused, threat = Threat(), attack.threat
    values: dict[str, float | int | str | None] = {
        field.name: getattr(threat, field.name)
        for field in fields(Threat)
        if getattr(threat, field.name) != getattr(unused, field.name)
    }
    values["objective"] = (
        attack.objective
    )  # of a control too: its success rate is that of the attack beside it
    access = attacks.ALGORITHMS[attack.name].access
    if access == "queries":
        values |= {"queries": attack.steps, "restarts": attack.restarts}
        values |= {} if attack.step_share is None else {"step_share": attack.step_share}
    if access == "gradients":
        values |= {
            "steps": attack.steps,
            "restarts": attack.restarts,
            "step_share": float(attack.step),
            "random_start": int(attack.random_start),
            "straight_through": int(attack.straight_through),
        }
    if attacks.ALGORITHMS[attack.name].fit is not None:
        values["fit_frames"] = attack.fit_frames
    if threat.patch_share:
        values |= attack.patch.parameters(on_objects=attack.name.startswith("patch_object"))
    if "lidar" in threat.sensors:
        values["r_min_m"] = threat.r_min_m
    return values
