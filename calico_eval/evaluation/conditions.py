"""Conditions: what is done to the sensor data of a frame before a model sees it.

`CorruptionCondition` describes clean frames, a corruption at a severity, or a point of a curve.
`AttackCondition` describes an attack, on clean frames or on frames under a corruption. Both name
themselves in messages (`str`), in results.json (`describe`) and never parse such a name.

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

CLEAN_NAME = "clean"


@dataclass(frozen=True)
class CorruptionCondition:
    """Clean frames, a corruption at a severity, or a point of a curve.

    Attributes:
        name: Name of the corruption, several joined by '+', or 'clean'.
        severity: Level of the corruption, from 1. It is 0 for clean frames and for a point of a
            curve, which is in no mean over corruptions.
        value: Value of the physical parameter, if it is given directly. Then the severity only
            names the condition and does not choose the strength.
    """

    name: str = CLEAN_NAME
    severity: int = 0
    value: float | None = None

    @staticmethod
    def at_severity(name: str, severity: int, value: float | None = None) -> CorruptionCondition:
        """Describe a corruption at a severity.

        Args:
            name: Name of the corruption, or several joined by '+'.
            severity: Level from 1 to 5, or the number of a level of a suite.
            value: Value of the physical parameter at that level of a suite. None takes the
                corruption's own level.

        Raises:
            CorruptionError: There is no such corruption or severity, or the corruption cannot take
                the value.
        """
        if value is not None:
            return CorruptionCondition(name, severity, _check_value(name, value))
        specs = find_corruptions(name)
        severity = as_whole_number(name, severity)
        if not 1 <= severity <= len(specs[0].levels):
            raise CorruptionError(
                f"{name}: severity is {severity}, expected 1 to {len(specs[0].levels)}"
            )
        return CorruptionCondition(name, severity)

    @staticmethod
    def at_value(name: str, value: float) -> CorruptionCondition:
        """Describe a point of a curve, for example fog at a visibility of 87 m.

        Args:
            name: Name of one corruption.
            value: Value of its physical parameter, in the unit of that parameter.

        Raises:
            CorruptionError: There is no such corruption, it is a pair, or the value is outside its
                limits.
        """
        return CorruptionCondition(name, 0, _check_value(name, value))

    @property
    def is_clean(self) -> bool:
        """Whether the frames stay as they are."""
        return self.name == CLEAN_NAME

    @property
    def is_curve_point(self) -> bool:
        """Whether this is a point of a curve, and not a level that means are taken over."""
        return not self.is_clean and self.severity == 0

    @property
    def moves_boxes(self) -> bool:
        """Whether the ground truth differs from that of the clean frames."""
        return not self.is_clean and any(
            "labels" in spec.sensors for spec in find_corruptions(self.name)
        )

    @property
    def file_stem(self) -> str:
        """Name of the condition's file of predictions: 'clean', 'fog-3', 'fog-visibility_m=87'."""
        return self.name if self.is_clean else self._level.file_stem

    def describe(self) -> Condition:
        """Describe the condition as results.json has it, with its physical parameters."""
        if self.is_clean:
            return Condition(kind="clean", name=CLEAN_NAME)
        specs = find_corruptions(self.name)
        sensors = {
            "camera" if sensor == "calibration" else sensor
            for spec in specs
            for sensor in spec.sensors
        }
        single = specs[0] if len(specs) == 1 else None
        kind: Literal["corruption", "curve"] = "curve" if self.is_curve_point else "corruption"
        return Condition(
            kind=kind,
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

    def __str__(self) -> str:
        """Name the condition in a message: 'clean', 'fog 3', 'fog visibility_m=87'."""
        return self.name if self.is_clean else f"{self.name} {self._level.at}"

    @property
    def _level(self) -> Level:
        return Level(self.name, self.severity, self.value)


CLEAN = CorruptionCondition()


@dataclass(frozen=True)
class AttackCondition:
    """An attack, on clean frames or on frames under a corruption.

    Attributes:
        attack: Algorithm, budget, objective and effort.
        on: Condition of the frames before the attack.
        transferred_from: Label of the engine of another model that the attack was made on, for a
            transfer attack. None for an attack on the engine itself or on its own weights.
    """

    attack: AttackSpec
    on: CorruptionCondition = CLEAN
    transferred_from: str | None = None

    @property
    def name(self) -> str:
        """Name in results.json: 'camera_pgd', 'fog+camera_pgd', 'joint_apgd_create_transfer'."""
        parts = [self.attack.sensor, self.attack.name]
        parts += [] if self.attack.objective == "hide" else [self.attack.objective]
        parts += ["transfer"] if self.transferred_from else []
        return ("" if self.on.is_clean else f"{self.on.name}+") + "_".join(parts)

    @property
    def moves_boxes(self) -> bool:
        """Whether the ground truth differs from that of the clean frames."""
        return self.on.moves_boxes

    def as_transfer(self, source_engine: str) -> AttackCondition:
        """Describe the same attack as a transfer attack from another model.

        Args:
            source_engine: Label of the engine that the attack was made on.
        """
        return replace(self, transferred_from=source_engine)

    def without_transfer(self) -> AttackCondition:
        """Describe what is done to the frames: a transfer attack is an attack on its own model."""
        return replace(self, transferred_from=None)

    def describe(self) -> Condition:
        """Describe the condition as results.json has it, with the parameters of the attack."""
        axis, _, unit = self.attack.threat.main
        before = self.on.describe().parameters
        source = {"crafted_on": self.transferred_from} if self.transferred_from else {}
        return Condition(
            kind="attack",
            name=self.name,
            severity=self.on.severity,
            parameters={**before, **_list_parameters(self.attack), **source},
            axis=axis,
            unit=unit,
            sensors=self.attack.threat.sensors,
            control=attacks.ALGORITHMS[self.attack.name].control,
        )

    def __str__(self) -> str:
        """Name the condition in a message: 'camera_pgd 8/255', 'fog+camera_pgd 3, 8/255'."""
        level = "" if self.on.is_clean else f"{self.on.severity}, "
        source = f", from {self.transferred_from}" if self.transferred_from else ""
        return f"{self.name} {level}{self.attack.threat}{source}"


AnyCondition = CorruptionCondition | AttackCondition


def find_single(name: str) -> Spec:
    """Return the specification of one corruption.

    Args:
        name: Its name.

    Raises:
        CorruptionError: There is no such corruption, or the name joins several, which have no
            single parameter.
    """
    specs = find_corruptions(name)
    if len(specs) > 1:
        each = " and ".join(f"{spec.name}.{spec.parameter}" for spec in specs)
        raise CorruptionError(
            f"{name!r} is a pair, which has no single parameter; give one of its parts: {each}"
        )
    return specs[0]


def _check_value(name: str, value: float) -> float:
    """Return the value if the corruption can take it; raise CorruptionError otherwise."""
    spec = find_single(name)
    low, high = spec.limits
    if not (math.isfinite(value) and low <= value <= high):
        raise CorruptionError(
            f"{name}: {spec.parameter} is {value:g}, expected {low:g} to {high:g} {spec.unit}"
        )
    return float(value)


def choose_predictor(engine: Engine, condition: AnyCondition) -> Predictor:
    """Choose what answers for an engine under a condition.

    Args:
        engine: A model, which answers itself, or a folder of prediction files.
        condition: Condition of the frames.

    Returns:
        The engine, or the condition's file of predictions.

    Raises:
        CalicoError: The folder has no such file, or the condition is an attack, which needs a
            model.
    """
    if not isinstance(engine, PredictionFiles):
        return engine
    if isinstance(condition, AttackCondition):
        raise CalicoError(
            f"attack {condition}: {engine.model_name} is a folder of predictions; attacked frames "
            "need a model"
        )
    return engine.open_condition(condition.file_stem)


def _list_parameters(attack: AttackSpec) -> dict[str, float | int | str | None]:
    """List all that an attack's result depends on: its threat, then its objective and effort."""
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
