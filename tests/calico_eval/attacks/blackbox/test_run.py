"""The run of attacks by queries: counts, the best try, errors, seeds and batches."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from calico.data.batch import collate_frames
from calico.data.source import FrameSource
from calico.errors import CalicoError
from calico.export.onnx import export_onnx
from calico.frame import Boxes, Frame
from calico_eval.attacks import (
    AttackSpec,
    Threat,
    attack_frame,
    attack_frames,
    check_budget,
)
from calico_eval.attacks.blackbox.objectives import hide
from calico_eval.attacks.catalogue import check_spec
from calico_eval.engines.onnxruntime import OnnxEngine
from calico_eval.engines.torch import TorchEngine
from calico_eval.engines.user import UserEngine

CAMERA = AttackSpec("square", Threat(camera_levels=8), steps=40)


LIDAR = AttackSpec("square", Threat(range_m=0.2), steps=40)


JOINT = AttackSpec("square", Threat(camera_levels=4, range_m=0.2), steps=40)


NAMES = ["square", "nes", "spsa"]


class Known:
    """Sees one car at (8, 0): its score falls with the red of the first view and with the mean
    range of the points."""

    threshold = 0.0

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.images: list[np.ndarray] = []

    def predict(self, frames: Sequence[Frame]) -> list[dict[str, object]]:
        self.asked.append(len(frames))
        self.images += [frame.images[0] for frame in frames if frame.images]
        answers: list[dict[str, object]] = []
        for frame in frames:
            red = frame.images[0][..., 0].astype(np.float64).mean() if frame.images else 128.0
            reach = (
                np.linalg.norm(frame.points[:, :3].astype(np.float64), axis=1).mean()
                if len(frame.points)
                else 10.0
            )
            score = 1.0 / (1.0 + np.exp(0.1 * (red - 128.0) + reach - 10.0))
            if score < self.threshold:
                answers.append({"boxes": [], "scores": [], "labels": []})
            else:
                answers.append(
                    {"boxes": [[8, 0, 0, 4, 2, 2, 0, 0, 0]], "scores": [score], "labels": [0]}
                )
        return answers


@pytest.fixture
def frame(street_frame: Frame) -> Frame:
    """One car at (8, 0); a first view of grey level 128, half way up to where the score moves."""
    boxes = np.zeros((1, 9), np.float32)
    boxes[0, :6] = [8, 0, 0, 4, 2, 2]
    one = Boxes(boxes, np.array([0]), np.array([-1]), np.array([9]))
    grey = np.full_like(street_frame.images[0], 128)
    return street_frame.replace(boxes=one, images=(grey, *street_frame.images[1:]))


def engine_of(model: object) -> UserEngine:
    return UserEngine(model, "known", ("camera", "lidar"), "0")


def bytes_of(frame: Frame) -> str:
    return hashlib.sha256(
        b"".join(image.tobytes() for image in frame.images) + frame.points.tobytes()
    ).hexdigest()


@pytest.mark.parametrize("steps", [1, 2, 3, 10, 11, 12, 40])
@pytest.mark.parametrize("name", NAMES)
def test_queries_are_as_many_as_asked_for_and_counted(
    street: FrameSource, name: str, steps: int
) -> None:
    """One for the clean frames, then `steps`; the frames of a batch go together."""
    model = Known()
    frames = [street[0], street[1], street[4]]
    done = attack_frames(
        engine_of(model), frames, replace(JOINT, name=name, steps=steps, restarts=2), 0
    )
    assert model.asked == [3] * (1 + 2 * steps)
    for result in done:
        assert result.details.queries == len(result.details.losses) == 1 + 2 * steps
        assert result.details.forwards == result.details.backwards == 0


@pytest.mark.parametrize(
    "spec", [CAMERA, LIDAR, JOINT, replace(CAMERA, threat=Threat(camera_rms=3.0), name="nes")]
)
def test_what_comes_out_is_the_best_that_was_queried(frame: Frame, spec: AttackSpec) -> None:
    result = attack_frame(engine_of(Known()), frame, spec, 0)
    losses = result.details.losses
    assert result.details.loss_clean == losses[0]
    assert result.details.loss_attacked == max(losses) > losses[0]
    assert result.details.note == ""
    assert hide(frame, engine_of(Known()).predict([result.frame])[0]) == max(losses)
    assert check_budget(spec.threat, result.budget)[0]


def test_an_engine_that_never_answers_gets_the_clean_frame_back(frame: Frame) -> None:
    class Silent(Known):
        threshold = 2.0

    result = attack_frame(engine_of(Silent()), frame, CAMERA, 0)
    assert bytes_of(result.frame) == bytes_of(frame)
    assert result.details.loss_clean == result.details.loss_attacked == 6.0
    assert "nothing was changed" in result.details.note


@pytest.mark.slow  # the export of the graph takes most of a minute
def test_attacks_the_exported_graph_in_onnx_runtime(
    small_engine: TorchEngine, street: FrameSource, tmp_path: Path
) -> None:
    """The file alone: every attack by queries raises the loss of that graph, as often as asked, and
    above noise."""
    export_onnx(
        small_engine.model,
        small_engine.config,
        collate_frames([street[0]]),
        tmp_path / "model.onnx",
    )
    engine = OnnxEngine(tmp_path / "model.onnx", "cpu")
    frames = [street[0], street[3]]
    for name in NAMES:
        for spec in (replace(CAMERA, name=name, steps=120), replace(LIDAR, name=name)):
            done = attack_frames(engine, frames, spec, 0)
            noise = attack_frames(engine, frames, replace(spec, name="noise"), 0)
            beaten = []
            for clean, result, control in zip(frames, done, noise, strict=True):
                details = result.details
                assert check_budget(spec.threat, result.budget)[0]
                assert details.loss_attacked == pytest.approx(
                    hide(clean, engine.predict([result.frame])[0]), abs=0.01
                )
                assert details.loss_clean is not None
                assert details.loss_attacked > details.loss_clean
                beaten.append(
                    details.loss_attacked - hide(clean, engine.predict([control.frame])[0])
                )
                assert details.queries == spec.steps + 1
            assert sum(beaten) > 0, (name, spec.threat)


@pytest.mark.parametrize("name", NAMES)
def test_the_seed_decides_and_the_company_does_not(
    frame: Frame, street: FrameSource, name: str
) -> None:
    frames = [frame, street[4].replace(boxes=frame.boxes)]
    spec = replace(JOINT, name=name, steps=15)
    first = attack_frames(engine_of(Known()), frames, spec, 0)
    again = attack_frames(engine_of(Known()), frames, spec, 0)
    alone = attack_frame(engine_of(Known()), frames[1], spec, 0)
    other = attack_frames(engine_of(Known()), frames, spec, 1)
    assert [bytes_of(r.frame) for r in first] == [bytes_of(r.frame) for r in again]
    assert bytes_of(alone.frame) == bytes_of(first[1].frame)
    assert bytes_of(other[0].frame) != bytes_of(first[0].frame)
    assert first[0].details == again[0].details


@pytest.mark.parametrize(
    "spec",
    [
        LIDAR,
        replace(LIDAR, name="nes"),
        replace(LIDAR, name="spsa"),
        CAMERA,
        replace(CAMERA, name="nes", threat=Threat(camera_rms=3.0)),
        replace(CAMERA, name="spsa", threat=Threat(camera_rms=3.0)),
    ],
    ids=lambda spec: f"{spec.name} {spec.threat}",
)
def test_the_company_of_a_larger_frame_changes_nothing(
    frame: Frame, street: FrameSource, spec: AttackSpec
) -> None:
    """Half of the points, and views of fewer rows and columns than the frame beside it has."""
    small = frame.replace(
        points=frame.points[::2],
        ring=frame.ring[::2],
        sweep_index=frame.sweep_index[::2],
        images=tuple(image[:20, :50] for image in frame.images),
    )
    spec = replace(spec, steps=15)
    alone = attack_frame(engine_of(Known()), small, spec, 0)
    beside = attack_frames(engine_of(Known()), [small, street[4]], spec, 0)[0]
    assert bytes_of(alone.frame) == bytes_of(beside.frame) != bytes_of(small)


@pytest.mark.parametrize("name", NAMES)
def test_a_joint_attack_on_frames_of_one_sensor_uses_that(frame: Frame, name: str) -> None:
    """A rig without cameras; a cloud without points: no try is spent on what is not there."""
    blind = frame.replace(
        images=(),
        camera_K=frame.camera_K[:0],
        camera_T_lidar=frame.camera_T_lidar[:0],
        camera_time_s=frame.camera_time_s[:0],
    )
    empty = frame.replace(
        points=frame.points[:0], ring=frame.ring[:0], sweep_index=frame.sweep_index[:0]
    )

    for one in (blind, empty):
        result = attack_frame(engine_of(Known()), one, replace(JOINT, name=name), 0)
        assert result.details.loss_clean is not None
        assert result.details.loss_attacked is not None
        assert result.details.loss_attacked > result.details.loss_clean


def test_refuses_what_it_cannot_do(frame: Frame) -> None:
    with pytest.raises(CalicoError, match="'det' needs the inside of the model"):
        attack_frame(engine_of(Known()), frame, replace(CAMERA, objective="det"), 0)
    with pytest.raises(
        CalicoError, match="sensor is 'camera', but model known only looks at lidar"
    ):
        attack_frame(UserEngine(Known(), "known", ("lidar",), "0"), frame, CAMERA, 0)
    with pytest.raises(CalicoError, match="attack square: does not use camera_rms"):
        check_spec(AttackSpec("square", Threat(camera_rms=2.0)))
