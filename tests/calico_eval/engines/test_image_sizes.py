"""A frame's answers do not depend on the image sizes of the frames beside it: in torch, in ONNX
Runtime, under attack."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from calico.data.batch import collate_frames
from calico.data.source import FrameSource
from calico.errors import CalicoError
from calico.export.graph import graph_inputs
from calico.export.metadata import GraphMetadata
from calico.export.onnx import export_onnx
from calico.frame import Frame
from calico.predictions import Predictions
from calico_eval.attacks.budget.threat import Threat
from calico_eval.attacks.run import attack_frames
from calico_eval.attacks.spec import AttackSpec
from calico_eval.engines.onnxruntime import OnnxEngine
from calico_eval.engines.torch import TorchEngine

DOUBLE = np.array([[2, 0, 0.5], [0, 2, 0.5], [0, 0, 1.0]])
"""Pixels of an image to those of one of twice its size; pixel centres are whole numbers."""


def enlarged(frame: Frame, views: range = range(6)) -> Frame:
    """The frame with some images of twice the height and width."""
    images = [
        image.repeat(2, axis=0).repeat(2, axis=1) if view in views else image
        for view, image in enumerate(frame.images)
    ]
    intrinsics = [DOUBLE @ K if view in views else K for view, K in enumerate(frame.camera_K)]
    return frame.replace(images=tuple(images), camera_K=np.array(intrinsics))


def assert_same(one: Predictions, other: Predictions) -> None:
    assert len(one.boxes) == len(other.boxes) > 0
    np.testing.assert_allclose(one.boxes, other.boxes, atol=1e-4)
    np.testing.assert_allclose(one.scores, other.scores, atol=1e-5)
    assert one.map_probs is not None
    assert other.map_probs is not None
    np.testing.assert_allclose(one.map_probs, other.map_probs, atol=1e-5)


@pytest.fixture(scope="module")
def frames(street: FrameSource) -> list[Frame]:
    """Images of one size, all of twice that, and a small camera among large ones."""
    return [street[0], enlarged(street[1]), enlarged(street[3], range(1, 6))]


def test_torch_answers_alike_alone_and_beside_others(
    small_engine: TorchEngine, frames: list[Frame]
) -> None:
    for frame, beside in zip(frames, small_engine.predict(frames), strict=True):
        assert_same(small_engine.predict([frame])[0], beside)


def test_every_camera_of_a_frame_is_fitted_by_its_own_size(
    small_engine: TorchEngine, street: FrameSource
) -> None:
    """Enlarged by repeating pixels, an image brought back to the old size is the old image: so are
    the answers."""
    for views in (range(1), range(1, 6), range(6)):
        assert_same(
            small_engine.predict([street[0]])[0],
            small_engine.predict([enlarged(street[0], views)])[0],
        )


def test_an_attack_delivers_the_same_frame_alone_and_beside_others(
    small_engine: TorchEngine, frames: list[Frame]
) -> None:
    spec = AttackSpec("pgd", Threat(camera_levels=8), steps=2)
    together = attack_frames(small_engine, frames, spec, seed=3)
    for frame, beside in zip(frames, together, strict=True):
        alone = attack_frames(small_engine, [frame], spec, seed=3)[0]
        for one, other, clean in zip(
            alone.frame.images, beside.frame.images, frame.images, strict=True
        ):
            assert one.shape == other.shape == clean.shape
            assert (
                abs(one.astype(int) - clean).max() == abs(other.astype(int) - clean).max() == 8
            )  # raw grey levels
            # A gradient of almost zero changes its sign with the rounding, and that with the size
            # of the batch.
            # Another random start would change nearly all pixels.
            assert (one != other).mean() < 0.2
        losses = alone.details.loss_attacked, beside.details.loss_attacked
        assert losses[0] == pytest.approx(losses[1], rel=0.02, abs=0.02)


@pytest.mark.slow  # the export of the graph takes most of a minute
def test_a_graph_of_data_with_several_sizes_answers_as_torch_does(
    small_engine: TorchEngine, frames: list[Frame], tmp_path: Path
) -> None:
    path = tmp_path / "model.onnx"
    info = export_onnx(small_engine.model, small_engine.config, collate_frames(frames[:2]), path)
    assert info.metadata.raw_hw == (32, 64)  # the network's
    engine = OnnxEngine(path, "cpu")
    for frame, beside, torch_one in zip(
        frames, engine.predict(frames), small_engine.predict(frames), strict=True
    ):
        alone = engine.predict([frame])[0]
        assert_same(alone, beside)
        assert len(alone.boxes) == len(torch_one.boxes)
        assert alone.map_probs is not None
        assert torch_one.map_probs is not None
        assert abs(alone.map_probs - torch_one.map_probs).max() < 1e-3


def metadata(engine: TorchEngine, raw_hw: tuple[int, int]) -> GraphMetadata:
    return GraphMetadata(
        "ort", engine.config, ("images", "image_from_lidar"), (), 6, raw_hw, None, ""
    )


def test_a_graph_of_another_raw_size_says_what_it_takes(
    small_engine: TorchEngine, frames: list[Frame]
) -> None:
    large = metadata(small_engine, (64, 128))
    assert graph_inputs(collate_frames([frames[1]]), large)["images"].shape == (1, 6, 3, 64, 128)
    with pytest.raises(
        CalicoError,
        match="takes 6 images of 64 x 128 pixels, the batch has 6 of 32 x 64, 64 x 128;",
    ):
        graph_inputs(collate_frames(frames), large)


def test_inputs_of_a_graph_of_the_networks_size_are_those_of_each_frame(
    small_engine: TorchEngine, frames: list[Frame]
) -> None:
    card = metadata(small_engine, (32, 64))
    together = graph_inputs(collate_frames(frames), card)
    for row, frame in enumerate(frames):
        for name, values in graph_inputs(collate_frames([frame]), card).items():
            np.testing.assert_array_equal(values[0], together[name][row])
