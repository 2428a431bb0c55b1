"""What is done to the sensors: clean frames, a corruption at a severity or at a value of its parameter, an attack."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from calico.errors import CalicoError
from calico_eval.attacks import AttackSpec
from calico_eval.engines.base import Engine, Predictor
from calico_eval.engines.predictions import PredictionFiles
from corruptions import CorruptionError, Spec, find
from reports.schema import Condition

Kind = Literal["clean", "corruption", "sweep", "attack"]


@dataclass(frozen=True)
class ConditionSpec:
    """One condition.

    kind: a "sweep" point is a corruption that belongs to a curve, and to no mean over corruptions.
    name, severity: of a corruption. value: of its physical parameter, where it is given directly; then the severity is only a
        label of the condition (0 for a sweep point) and does not choose the strength.
    attack: of an attack, whose name and budget it holds.
    """

    kind: Kind
    name: str = "clean"
    severity: int = 0
    attack: AttackSpec | None = None
    value: float | None = None

    @staticmethod
    def corruption(name: str, severity: int, value: float | None = None) -> ConditionSpec:
        """A corruption (or several joined by '+') at severity 1..5, or at a suite's level of that number, which has a value.

        Raises:
            CorruptionError: there is no such corruption or severity, or a value that it cannot take.
        """
        if value is not None:
            return ConditionSpec("corruption", name, severity, value=_checked(name, value))
        specs = find(name)
        if not 1 <= severity <= len(specs[0].levels):
            raise CorruptionError(f"{name}: severity is {severity}, expected 1 to {len(specs[0].levels)}")
        return ConditionSpec("corruption", name, severity)

    @staticmethod
    def sweep_point(name: str, value: float) -> ConditionSpec:
        """A corruption at a value of its physical parameter, e.g. fog at a visibility of 87 m.

        Raises:
            CorruptionError: there is no such corruption, it is a pair, or the value is outside its limits.
        """
        return ConditionSpec("sweep", name, value=_checked(name, value))

    @staticmethod
    def of_attack(attack: AttackSpec) -> ConditionSpec:
        """An attack: 'camera_pgd', 'lidar_noise' ..."""
        return ConditionSpec("attack", f"{attack.sensor}_{attack.name}", attack=attack)

    def describe(self) -> Condition:
        """The condition as results.json has it, with its physical parameters."""
        if self.attack is not None:
            return Condition(
                kind="attack",
                name=self.name,
                parameters=_parameters(self.attack),
                axis="eps",
                unit="/255" if self.attack.sensor == "camera" else "m",
                sensors=(self.attack.sensor,),
            )
        if self.kind == "clean":
            return Condition(kind="clean", name="clean")
        specs = find(self.name)
        sensors = {"camera" if sensor == "calibration" else sensor for spec in specs for sensor in spec.sensors}
        single = specs[0] if len(specs) == 1 else None
        return Condition(
            kind="sweep" if self.kind == "sweep" else "corruption",
            name=self.name,
            severity=self.severity,
            parameters={
                spec.parameter: float(spec.at(self.severity)) if self.value is None else self.value for spec in specs
            },
            axis=single.parameter if single else None,
            unit=single.unit if single else None,
            sensors=tuple(sensor for sensor in ("camera", "lidar") if sensor in sensors),
        )

    @property
    def file_stem(self) -> str:
        """'clean', 'fog-3', 'fog-visibility_m=87': the name of the condition's file in a folder of predictions."""
        if self.value is not None:
            return f"{self.name}-{self._at()}"
        return self.name if self.kind == "clean" else f"{self.name}-{self.severity}"

    def __str__(self) -> str:
        """'clean', 'fog 3', 'fog visibility_m=87', 'camera_pgd 8/255'."""
        if self.attack is not None:
            return f"{self.name} {self.attack.eps:g}" + ("/255" if self.attack.sensor == "camera" else " m")
        if self.value is not None:
            return f"{self.name} {self._at()}"
        return self.name if self.kind == "clean" else f"{self.name} {self.severity}"

    def _at(self) -> str:
        """'visibility_m=87': every digit of the value, so that two values never share a file."""
        return f"{single(self.name).parameter}={repr(self.value).removesuffix('.0')}"


CLEAN = ConditionSpec("clean")


def single(name: str) -> Spec:
    """The corruption of that name.

    Raises:
        CorruptionError: there is none, or the name joins several, which have no single parameter.
    """
    specs = find(name)
    if len(specs) > 1:
        each = " and ".join(f"{spec.name}.{spec.parameter}" for spec in specs)
        raise CorruptionError(f"{name!r} is a pair, which has no single parameter; give one of its parts: {each}")
    return specs[0]


def _checked(name: str, value: float) -> float:
    """The value, where the corruption can take it."""
    spec = single(name)
    low, high = spec.limits
    if not (math.isfinite(value) and low <= value <= high):
        raise CorruptionError(f"{name}: {spec.parameter} is {value:g}, expected {low:g} to {high:g} {spec.unit}")
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
    """All that the attack's result depends on, the sensor apart."""
    values: dict[str, float | int | str | None] = {"eps": float(attack.eps)}
    if attack.name != "noise":
        values |= {
            "steps": attack.steps,
            "step_size": float(attack.step),
            "objective": attack.objective,
            "random_start": int(attack.random_start),
        }
    if attack.sensor == "lidar":
        values |= {"geometry": attack.geometry, "r_min_m": float(attack.r_min_m)}
    return values
