"""None"""

import pickle
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from calico.config.load import load_config
from calico.config.training import AugmentConfig
from calico.data.batch import Batch
from calico.data.open import open_source
from calico.data.source import FrameInfo
from calico.errors import CalicoError
from calico.frame import Frame, Int64
from calico.geometry.grid import Grid
from calico.models.calico import build_model
from calico.taxonomy import NUSCENES
from calico.train.finetune import Finetune, LabelledLoader
from corruptions.preset import Level
from tests.mini import LIDAR_ONLY, MINI

STILL = AugmentConfig(rotation_deg=0.0, scale=(1.0, 1.0), flip_x=False, flip_y=False)


@dataclass(frozen=True)
class One:
    """A source of one hand-built frame."""

    frame: Frame
    map_grid: Grid
    name: str = "hand"
    cameras: tuple[str, ...] = ("front", "back")
    taxonomy = NUSCENES

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> Frame:
        return self.frame

    def info(self, index: int) -> FrameInfo:
        return FrameInfo(self.frame.token, self.frame.scene)

    def labels(self, index: int) -> Int64:
        return self.frame.boxes.labels

    def content_hash(self) -> str:
        return "hand"


def load(
    source: One, conditions: Sequence[Level], share: float, epoch: int = 0, seed: int = 0
) -> Batch:
    return LabelledLoader(source, STILL, None, seed, tuple(conditions), share)(
        epoch, list(range(40)), [0] * 40
    )


def test_a_share_of_the_frames_is_corrupted_and_no_label(frame: Frame, map_grid: Grid) -> None:
    source, lost = One(frame, map_grid), Level("lidar_missing", 3)
    clean, half, whole = (load(source, [lost], share) for share in (0.0, 0.5, 1.0))
    counts = [int(mask.sum()) for mask in half.point_mask]
    assert set(counts) == {0, len(frame.points)}
    assert 10 <= counts.count(0) <= 30  # 20 expected, binomial: 1 in 1000 outside
    assert not whole.point_mask.any()
    assert torch.equal(clean.images, half.images)
    assert all(
        torch.allclose(a, b, rtol=0, atol=0, equal_nan=True)
        for a, b in zip(clean.boxes, whole.boxes, strict=True)
    )
    assert clean.map_masks is not None
    assert whole.map_masks is not None
    assert torch.equal(clean.map_masks, whole.map_masks)


def test_boxes_move_with_their_points(frame: Frame, map_grid: Grid) -> None:
    batch = load(One(frame, map_grid), [Level("object_rotation", 5)], 1.0)
    turned = [
        float((boxes[:, 6] - torch.from_numpy(frame.boxes.boxes[:, 6])).abs().max())
        for boxes in batch.boxes
    ]
    assert min(turned) > 0.01


def test_draws_repeat_and_differ_between_epochs_and_seeds(frame: Frame, map_grid: Grid) -> None:
    source, noise = One(frame, map_grid), [Level("point_gaussian_noise", 5)]
    first, again = load(source, noise, 0.5), load(source, noise, 0.5)
    assert torch.equal(first.points, again.points)
    assert not torch.equal(first.points, load(source, noise, 0.5, epoch=1).points)
    assert not torch.equal(first.points, load(source, noise, 0.5, seed=1).points)


def test_unknown_corruptions_are_refused_with_the_settings() -> None:
    assert (
        load_config(
            "tiny", None, ["train.corruptions=[calico, fog+camera_crash]"]
        ).train.corruption_share
        == 0.5
    )
    with pytest.raises(CalicoError, match=r"train\.corruptions: .*'fogg': did you mean 'fog'"):
        load_config("tiny", None, ["train.corruptions=[fogg]"])


@pytest.fixture
def source(frame: Frame, map_grid: Grid) -> One:
    return One(frame.replace(previous=lambda: None), map_grid)


PASTE = (
    "data.sim={train_scenes: 2, frames_per_scene: 2}",
    *LIDAR_ONLY,
    "augment={rotation_deg: 0, scale: [1, 1], flip_x: false, flip_y: false}",
)


def paste_task(tmp_path: Path, *settings: str) -> Finetune:
    places = (f"data.cache_dir={tmp_path}", f"augment.paste.cache_dir={tmp_path}")
    config = load_config("tiny", None, [*PASTE, *places, *settings])
    source = open_source(config, "train")
    return Finetune(config, source, build_model(config, 0), lambda *_: {})


def test_the_loader_pastes_objects_of_the_labelled_frames(tmp_path: Path) -> None:
    task = paste_task(tmp_path, "augment.paste.objects=20")
    plain = LabelledLoader(task.loader.source, task.loader.augment, None, task.config.seed)
    first, again = (task.loader(0, [0, 1], [0, 1]) for _ in range(2))
    before, other = plain(0, [0, 1], [0, 1]), task.loader(1, [0, 1], [0, 1])
    assert torch.equal(first.points, again.points)
    assert all(len(a) > len(b) for a, b in zip(first.boxes, before.boxes, strict=True))
    assert not all(
        a.shape == b.shape and torch.equal(a, b)
        for a, b in zip(first.boxes, other.boxes, strict=True)
    )  # another epoch pastes others
    copy = pickle.loads(pickle.dumps(task.loader))
    assert torch.equal(copy(0, [0, 1], [0, 1]).points, first.points)
    assert len(pickle.dumps(task.loader)) < 50_000
    few = paste_task(tmp_path, "augment.paste.objects=20", "train.label_fraction=0.25")
    assert len(few.frames) == 1
    (index,) = few.frames
    own = few.loader.source[index].boxes
    stored = few.loader.pasted.load()
    assert 0 < len(stored) <= int((own.num_points >= 5).sum())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (("augment.paste.counts.truk=3",), "augment.paste.counts: unknown class truk"),
        (("augment.paste.min_points=100000",), "has 100000 points"),
    ],
)
def test_what_cannot_be_pasted(tmp_path: Path, settings: tuple[str, ...], message: str) -> None:
    with pytest.raises(CalicoError, match=message):
        paste_task(tmp_path, *settings)


def test_a_model_with_a_camera_pastes_nothing(tmp_path: Path) -> None:
    config = load_config("tiny", None, [*MINI, "augment.paste.objects=1"])
    source = open_source(config, "train")
    with pytest.raises(CalicoError, match="the images would not show the pasted objects"):
        Finetune(config, source, build_model(config, 0), lambda *_: {})
    with pytest.raises(CalicoError, match="pretrain"):
        load_config("tiny", None, ["pretrain.prc.augment.paste.objects=1"])
