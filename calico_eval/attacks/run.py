"""The run of an attack on a batch of frames.

The change to every attacked frame is measured independently of the attack (`budget.measure`). A
frame over its budget raises an error.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from calico.errors import CalicoError
from calico.frame import Frame
from calico_eval.attacks.budget.measure import (
    Budget,
    check_budget,
    describe_used_budget,
    measure_budget,
)
from calico_eval.attacks.budget.patch_area import check_declared
from calico_eval.attacks.budget.threat import Threat
from calico_eval.attacks.catalogue import ALGORITHMS, check_spec
from calico_eval.attacks.details import AttackDetails, Crafted
from calico_eval.attacks.spec import AttackSpec
from calico_eval.attacks.universal.fitted import Fitted
from calico_eval.engines.base import Engine, check_frame_taxonomy
from calico_eval.engines.white_box import as_white_box


@dataclass(frozen=True)
class AttackedFrame:
    """An attacked frame, what it changed, and how the attack went.

    Attributes:
        frame: The frame as it is delivered: uint8 pixels, float32 points.
        budget: The change, measured from the clean and the delivered frame.
        details: How the attack went.
        threat: What the attacker was allowed to change.
    """

    frame: Frame
    budget: Budget
    details: AttackDetails
    threat: Threat = field(default_factory=Threat)

    @property
    def used(self) -> str:
        """How much of each allowance was used, e.g. "4 of 4 grey levels"."""
        return describe_used_budget(self.threat, self.budget)

    @property
    def loss_clean(self) -> float | None:
        """The objective on the clean frame, or None for an attack without an objective."""
        return self.details.loss_clean

    @property
    def loss_attacked(self) -> float | None:
        """The objective on the delivered frame, or None for an attack without an objective."""
        return self.details.loss_attacked


def attack_frames(
    engine: Engine,
    frames: Sequence[Frame],
    spec: AttackSpec,
    seed: int,
    fitted: Fitted | None = None,
) -> list[AttackedFrame]:
    """Attack a batch of frames. The model and the frames stay as they are.

    Args:
        engine: The model that is attacked. It gives gradients (`engines.white_box.WhiteBoxEngine`)
            if the attack needs them. An attack that needs nothing does not use it.
        frames: Frames with ground truth, of one camera count.
        spec: The attack.
        seed: Seed of the run.
        fitted: What `Algorithm.fit` learnt on frames of other scenes, for an attack that learns.

    Raises:
        CalicoError: The engine gives no gradients or does not use an attacked sensor. A frame is
            over budget, or changed outside the patches that the attack declared. A frame is of a
            scene that the attack was fitted on, or nothing was fitted.
    """
    spec = check_spec(spec)
    check_frame_taxonomy(engine, frames)
    done: list[AttackedFrame | None] = [None] * len(frames)
    open_rows = []
    for row, frame in enumerate(frames):
        reason = _nothing_to_attack(frame, spec)
        if reason:
            done[row] = AttackedFrame(
                frame,
                measure_budget(frame, frame),
                AttackDetails(note=reason, nothing_to_attack=True),
                spec.threat,
            )
        else:
            open_rows.append(row)
    if open_rows:
        _check_held_out(frames, spec, fitted)
        compute_attack = (
            ALGORITHMS[spec.name].compute_attack if fitted is None else fitted.compute_attack
        )
        crafted = compute_attack(engine, [frames[row] for row in open_rows], spec, seed)
        for row, result in zip(open_rows, crafted, strict=True):
            done[row] = _measured(engine, frames[row], result, spec)
    return [one for one in done if one is not None]


def attack_frame(engine: Engine, frame: Frame, spec: AttackSpec, seed: int) -> AttackedFrame:
    """Attack one frame, see `attack_frames`.

    Args:
        engine: The model that is attacked.
        frame: The frame with its ground truth.
        spec: The attack.
        seed: Seed of the run.
    """
    return attack_frames(engine, [frame], spec, seed)[0]


def _measured(engine: Engine, clean: Frame, crafted: Crafted, spec: AttackSpec) -> AttackedFrame:
    budget = measure_budget(clean, crafted.frame, structural=spec.threat.structural)
    passed, message = check_budget(spec.threat, budget)
    if not passed:
        raise CalicoError(
            f"attack {spec.name} ({spec.threat}) went over budget on frame {clean.token}: "
            f"{message}; not scored"
        )
    details = crafted.details
    if details.patches is not None and (
        fault := check_declared(clean, crafted.frame, details.patches, spec.patch)
    ):
        raise CalicoError(f"attack {spec.name} on frame {clean.token}: {fault}; not scored")
    followed = as_white_box(engine)
    if budget.points_changed and followed is not None:
        crossings = followed.count_crossings(clean.points, crafted.frame.points)
        details = replace(details, cell_crossings=crossings)
    return AttackedFrame(crafted.frame, budget, details, spec.threat)


def _check_held_out(frames: Sequence[Frame], spec: AttackSpec, fitted: Fitted | None) -> None:
    for frame in frames:
        if fitted is not None and frame.scene in fitted.scenes:
            raise CalicoError(
                f"attack {spec.name}: frame {frame.token} is of scene {frame.scene}, which the "
                "attack was fitted on; expected frames of other scenes"
            )


def _nothing_to_attack(frame: Frame, spec: AttackSpec) -> str:
    sensors = spec.threat.sensors
    if not sensors:
        return "the threat allows nothing: nothing was changed"
    empty = {"camera": "images"} if not frame.images else {}
    empty |= {"lidar": "points"} if len(frame.points) == 0 else {}
    if all(sensor in empty for sensor in sensors):
        return (
            f"the frame has no {' and no '.join(empty[sensor] for sensor in sensors)}: nothing "
            "was changed"
        )
    return ""
