from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import cast

import numpy as np
import pytest

from calico.data.applicable import check_applicable, look_at, select_applicable
from calico.data.source import FrameSource
from calico.errors import CalicoError
from calico.frame import Frame
from corruptions import SPECS, corrupt, measure_effect
from corruptions.preset import Level


@dataclass(frozen=True)
class Frames:
    """As much of a source as is asked for here."""

    frames: tuple[Frame, ...]
    name: str = "hand"

    def __getitem__(self, index: int) -> Frame:
        return self.frames[index]


def source(frame: Frame, count: int, **changes: object) -> FrameSource:
    frames = tuple(
        frame.replace(token=f"hand-{i}", scene=f"scene-{i}", **changes) for i in range(count)
    )
    return cast(FrameSource, Frames(frames))


def test_presets_leave_out_what_the_data_cannot_show(frame: Frame) -> None:
    one_sweep = source(
        frame,
        12,
        ring=np.zeros_like(frame.ring),
        sweep_index=np.zeros_like(frame.sweep_index),
        previous=None,
    )
    kept, notes = select_applicable(["all"], (), one_sweep, range(12), seed=0)
    names = {condition.name for condition in kept}
    assert {"fog", "camera_crash", "beam_missing", "object_scale", "extrinsic"} <= names
    left_out = {note.split()[0]: note for note in notes if "was left out" in note}
    cameras = len(frame.images)
    assert [note for note in notes if "was left out" not in note] == [
        f"camera_crash at {severity}: only {cameras} camera{'s' * (cameras > 1)}, as at severity "
        f"{cameras}."
        for severity in range(cameras + 1, 6)
    ]
    assert left_out["pose_error"] == "pose_error was left out: the data have no older LiDAR sweeps."
    assert (
        left_out["temporal_offset"]
        == "temporal_offset was left out: the data have no frame before in the scene."
    )
    assert not names & set(left_out)
    assert {condition.severity for condition in kept} == {1, 2, 3, 4, 5}


def test_what_was_named_itself_is_an_error(frame: Frame) -> None:
    blind = source(frame, 3, ring=np.full_like(frame.ring, -1))
    kept, _ = select_applicable(["point_drop"], (2,), blind, range(3), seed=0)
    assert [(c.name, c.severity) for c in kept] == [("point_drop", 2)]
    with pytest.raises(
        CalicoError,
        match=r"beam_missing can do nothing to hand: the data have no beam numbers \(ring\)",
    ):
        select_applicable(["point_drop, beam_missing"], (), blind, range(3), seed=0)
    with pytest.raises(CalicoError, match="fog\\+beam_missing can do nothing to hand"):
        select_applicable(["fog+beam_missing"], (), blind, range(3), seed=0)
    drop, beams = Level("point_drop", 0, 0.3), Level("beam_missing", 0, 0.5)
    check_applicable([drop], blind, range(3), seed=0)
    with pytest.raises(CalicoError, match=r"beam_missing can do nothing to hand.*; leave it out"):
        check_applicable([drop, beams], blind, range(3), seed=0)


def test_chance_that_hits_no_frame_is_found_before_the_run(frame: Frame) -> None:
    many, few = source(frame, 60), source(frame, 1)
    rare = Level(
        "frame_lost", 0, 0.02
    )  # it hits some of the 60 frames, and none of the few that are looked at

    def hit(frames: Sequence[Frame], seed: int) -> bool:
        return any(measure_effect(one, rare.corrupt_frame(one, seed)).changed for one in frames)

    looked_at, all_frames = look_at(many, range(60)), [many[i] for i in range(60)]
    unseen = [seed for seed in range(20) if hit(all_frames, seed) and not hit(looked_at, seed)]
    check_applicable([rare], many, range(60), unseen[0])
    kept, notes = select_applicable(["frame_lost"], (1,), many, range(60), seed=0)
    assert len(kept) == 1
    assert notes == ()
    # Of two cameras, each is lost with probability 1/6: seeds 0 to 4 include some that spare the
    # one frame.
    spared = [
        seed
        for seed in range(5)
        if not corrupt_changes(frame.replace(token="hand-0", scene="scene-0"), seed)
    ]
    assert spared
    message = r"its level 1 spares all of 1 frames, by chance \(more frames help\); leave it out"
    with pytest.raises(CalicoError, match=message):
        select_applicable(["frame_lost"], (1,), few, range(1), spared[0])
    value = float(SPECS["frame_lost"].value_at(1))
    with pytest.raises(
        CalicoError, match=r"its level loss_probability=0\.\d+ spares all of 1 frames, by chance"
    ):
        check_applicable([Level("frame_lost", 0, value)], few, range(1), spared[0])


def test_a_value_that_does_nothing_is_found_before_the_run(frame: Frame) -> None:
    """A curve that starts at 0: the clean frames, which every curve has already."""
    for value, fails in ((0.0, True), (0.2, False)):
        conditions = [Level("point_drop", 0, 0.5), Level("point_drop", 0, value)]
        with (
            pytest.raises(CalicoError, match=r"share_dropped=0 changes none of 3 frames")
            if fails
            else nullcontext()
        ):
            check_applicable(conditions, source(frame, 3), range(3), seed=0)


def corrupt_changes(frame: Frame, seed: int) -> bool:
    """Whether frame_lost 1 loses an image."""
    return any(not image.any() for image in corrupt(frame, "frame_lost", 1, seed).images)


def test_nothing_is_looked_at_without_corruptions() -> None:
    assert select_applicable([], (), cast(FrameSource, None), range(3), 0) == ((), ())
