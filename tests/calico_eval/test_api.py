"""evaluate, attack and load_model: every form of a model, the figures of the command's path."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from calico.data.source import FrameSource
from calico.errors import CalicoError
from calico.frame import Frame
from calico.geometry.grid import Grid
from calico.train.checkpoint import save_model
from calico_eval.api import attack, evaluate, load_model
from calico_eval.attacks.budget.threat import Threat
from calico_eval.engines.torch import TorchEngine
from calico_eval.evaluate import evaluate_engine as run_evaluation
from calico_eval.metrics.nuscenes import class_ranges
from calico_eval.metrics.summary import compute_metrics
from calico_eval.validation import eval_ranges
from corruptions import CorruptionError, corrupt


class Oracle:
    """Answers with the labels that it was given beforehand."""

    sensors = ("lidar",)

    def __init__(self, source: FrameSource) -> None:
        self.truth = {frame.token: frame.boxes for frame in map(source.__getitem__, range(6))}

    def predict(self, frames: Sequence[Frame]) -> list[dict[str, Any]]:
        every = [self.truth[frame.token] for frame in frames]
        found = [boxes.select(boxes.num_points > 0) for boxes in every]
        return [
            {"boxes": np.nan_to_num(b.boxes), "scores": np.full(len(b), 0.9), "labels": b.labels}
            for b in found
        ]


class Pooled(Oracle):
    """Gives gradients: the mean brightness of the pixels and the mean height of the points."""

    sensors = ("camera", "lidar")

    def loss(self, batch: Any) -> torch.Tensor:
        height = (batch.points[..., 2] * batch.point_mask).sum(1) / batch.point_mask.sum(1)
        result: torch.Tensor = batch.images.mean((1, 2, 3, 4)) - height
        return result


def test_figures_are_those_of_the_command(small_engine: TorchEngine, street: FrameSource) -> None:
    scores = evaluate(small_engine, street)
    expected = compute_metrics(
        run_evaluation(small_engine, street, ranges=eval_ranges(small_engine.config))
    )
    assert list(scores) == list(expected)
    assert all(scores.metric(name) == metric for name, metric in expected.items())
    assert scores["mAP"] == expected["mAP"].value
    assert scores.interval("mAP") == (expected["mAP"].lo, expected["mAP"].hi)
    assert f"{scores['mAP']:.4f}" in repr(scores)
    with pytest.raises(CalicoError, match="metric 'mAPP': did you mean 'mAP'"):
        scores.metric("mAPP")


def test_a_corruption_is_applied(small_engine: TorchEngine, street: FrameSource) -> None:
    scores = evaluate(small_engine, street, corruption="fog", severity=4, seed=3, frames=[0, 4])
    expected = compute_metrics(
        run_evaluation(
            small_engine,
            street,
            ranges=eval_ranges(small_engine.config),
            indices=[0, 4],
            transform=lambda frame: corrupt(frame, "fog", 4, 3),
        )
    )
    assert scores["mAP_present"] == expected["mAP_present"].value
    with pytest.raises(CorruptionError, match="did you mean 'fog'"):
        evaluate(small_engine, street, corruption="fogg")


def test_any_object_with_predict_is_a_model(street: FrameSource) -> None:
    """The labelled objects that the LiDAR sees, each at its place: every AP is 1."""
    scores = evaluate(Oracle(street), street)
    assert scores["mAP_present"] == 1.0
    assert scores.metric("mAP").n_frames == 6
    assert load_model(Oracle(street)).model_name == "Oracle"
    near = evaluate(Oracle(street), street, ranges={**class_ranges(), "car": 0.5})
    assert np.isnan(near["AP/car"])


def test_every_form_of_a_model(small_engine: TorchEngine, tmp_path: Path) -> None:
    assert load_model(small_engine) is small_engine
    save_model(tmp_path / "model.safetensors", small_engine.model, small_engine.config)
    for place in (tmp_path, str(tmp_path / "model.safetensors")):
        assert load_model(place, "cpu").sha256 == small_engine.sha256
    assert load_model("examples.user_model:build").sensors == ("lidar",)
    with pytest.raises(
        CalicoError, match=r"the model is an object of class int, which has no .* predict"
    ):
        load_model(7)
    with pytest.raises(CalicoError, match=r"model 'nowhere\.onnx'|nowhere"):
        load_model("nowhere.onnx")


def test_data_on_another_map_grid_is_refused(
    small_engine: TorchEngine, street: FrameSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(street, "map_grid", Grid(-8.0, 8.0, -8.0, 8.0, 0.5), raising=False)
    with pytest.raises(
        CalicoError, match=r"open the data with the model's grid: open_data\(\.\.\."
    ):
        evaluate(small_engine, street)


def test_our_network_is_attacked(small_engine: TorchEngine, street: FrameSource) -> None:
    frames = [street[0], street[3]]
    results = attack(small_engine, frames, "pgd", Threat(camera_levels=4), steps=3)
    assert len(results) == 2
    for clean, result in zip(frames, results, strict=True):
        change = np.abs(result.frame.images[0].astype(int) - clean.images[0])
        assert change.max() == 4
        assert result.used == "4 of 4 grey levels"
        assert result.loss_clean is not None
        assert result.loss_attacked is not None
        assert result.loss_attacked > result.loss_clean
    alone = attack(small_engine, frames[0], "pgd", Threat(camera_levels=4), steps=3)
    assert len(alone) == 1


def test_a_users_object_is_attacked_to_the_corner_known_by_hand(street: FrameSource) -> None:
    """The loss is brightness minus height: every pixel rises by 4 levels, every loss by 4 / 255."""
    frame = street[0]
    dark = frame.replace(images=tuple(np.minimum(image, 200) for image in frame.images))
    (result,) = attack(Pooled(street), dark, "fgsm", Threat(camera_levels=4))
    for before, after in zip(dark.images, result.frame.images, strict=True):
        assert np.array_equal(after, before + 4)
    assert result.loss_clean is not None
    assert result.loss_attacked is not None
    assert result.loss_attacked - result.loss_clean == pytest.approx(4 / 255, abs=1e-6)
    assert result.used == "4 of 4 grey levels"


def test_attacks_that_cannot_be_made_say_why(street: FrameSource) -> None:
    with pytest.raises(CalicoError, match="attack 'pdg': did you mean 'pgd'"):
        attack(Pooled(street), street[0], "pdg", Threat(camera_levels=4))
    with pytest.raises(
        CalicoError, match="attack universal: it is learnt on frames of other scenes"
    ):
        attack(Pooled(street), street[0], "universal", Threat(camera_levels=4))
    with pytest.raises(CalicoError, match="gradients"):
        attack(Oracle(street), street[0], "pgd", Threat(range_m=0.1))


@pytest.mark.parametrize("fault", ["detached", "nan"])
def test_a_loss_without_a_usable_gradient_is_warned_of(street: FrameSource, fault: str) -> None:
    class Faulty:
        sensors = ("camera",)

        def predict(self, frames: Any) -> Any:
            return [{"boxes": [], "scores": [], "labels": []} for _ in frames]

        def loss(self, batch: Any) -> Any:
            total = batch.images.sum((1, 2, 3, 4))
            return total.detach() + 0 * total if fault == "detached" else total * float("nan")

    with pytest.warns(UserWarning, match="attack pgd, frame .*says nothing about robustness"):
        attack(Faulty(), street[0], "pgd", Threat(camera_levels=4), steps=2)


def test_wrong_types_are_named(street: FrameSource) -> None:
    model = "examples.user_model:build"
    with pytest.raises(CalicoError, match="data 'sim': got str, expected a source of frames"):
        evaluate(model, "sim")  # type: ignore[arg-type]
    with pytest.raises(CalicoError, match="frames: got 99, expected whole numbers from 0"):
        evaluate(model, street, frames=[99])
    with pytest.raises(CalicoError, match="frame is 0, a int; expected a Frame"):
        attack(model, [0], "pgd", Threat(camera_levels=4))  # type: ignore[list-item]
    with pytest.raises(CalicoError, match="threat is 4, a int; expected a Threat"):
        attack(model, street[0], "pgd", 4)  # type: ignore[arg-type]
    half: Any = 1.5
    with pytest.raises(CalicoError, match=r"steps is 1.5, a float; expected a whole number"):
        attack(model, street[0], "pgd", Threat(camera_levels=4), steps=half)


def test_numbers_of_numpy_are_whole_numbers(street: FrameSource) -> None:
    scores = evaluate(Oracle(street), street, frames=np.array([0, 4]))  # type: ignore[arg-type]
    assert scores.metric("mAP").n_frames == 2
    steps: Any = np.int64(2)
    (result,) = attack(Pooled(street), street[0], "pgd", Threat(camera_levels=4), steps=steps)
    assert result.used == "4 of 4 grey levels"


def test_a_gradient_that_is_used_up_is_not_warned_of(street: FrameSource) -> None:
    """The loss rises with the first grey level and is flat from there: the attack has won."""

    class Saturated:
        sensors = ("camera",)

        def predict(self, frames: Any) -> Any:
            return [{"boxes": [], "scores": [], "labels": []} for _ in frames]

        def loss(self, batch: Any) -> Any:
            brightness = batch.images.mean((1, 2, 3, 4))
            return torch.minimum(brightness, torch.full_like(brightness, 0.5 + 1 / 255))

    grey = street[0].replace(images=tuple(np.full_like(image, 127) for image in street[0].images))
    (result,) = attack(Saturated(), grey, "pgd", Threat(camera_levels=4), steps=4)
    assert result.loss_clean is not None
    assert result.loss_attacked is not None
    assert result.loss_attacked > result.loss_clean


@pytest.mark.parametrize("seed", [-1, True, 0.5, 2**63, "1"])
def test_what_is_no_seed_is_refused(street: FrameSource, seed: Any) -> None:
    expected = r"seed is .*, expected a whole number from 0 to 2\^63 - 1"
    with pytest.raises(CalicoError, match=expected):
        evaluate(Oracle(street), street, seed=seed)
    with pytest.raises(CalicoError, match=expected):
        attack(Oracle(street), street[0], "noise", Threat(camera_levels=1), seed=seed)
