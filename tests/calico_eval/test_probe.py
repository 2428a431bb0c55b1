"""The linear probe: labels of cells against shapely, and models whose features are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import shapely
import torch
from torch import Tensor

from calico.config.model import BevConfig, CameraConfig, GridConfig, LidarConfig, ModelConfig
from calico.config.schema import Config
from calico.data.batch import Batch, collate_frames
from calico.data.source import FrameSource
from calico.errors import CalicoError
from calico.frame import Boxes, Frame
from calico.geometry.boxes import box_corners
from calico.geometry.grid import Grid
from calico.models.calico import CalicoModel
from calico.seeds import make_generator
from calico_eval.features import feature_maps, left_alone
from calico_eval.probe import BACKGROUND, cell_labels, probe_metrics, probe_split

GRID = Grid(-8.0, 8.0, -6.0, 6.0, 1.0)


def config() -> Config:
    """Branch grid of 32 x 32, trunk grid of 16 x 16 cells."""
    return Config(
        grid=GridConfig(x_range_m=(-16, 16), y_range_m=(-16, 16), pillar_m=1.0),
        model=ModelConfig(
            lidar=LidarConfig(pillar_channels=8),
            camera=CameraConfig(
                image_size=(32, 64), backbone_width=0.125, fpn_channels=8, channels=8, depth_bins=6
            ),
            bev=BevConfig(
                layers=(1, 1), strides=(1, 2), channels=(8, 8), neck_channels=8, out_stride=2
            ),
            map=None,
        ),
    )


class Painted(CalicoModel):
    """Its features on either grid are the answers, one channel a class, drawn by shapely."""

    def lidar_features(self, batch: Batch) -> Tensor:
        return self._paint(batch, self.trunk_grid)

    def camera_bev(self, batch: Batch) -> Tensor:
        return self._paint(batch, self.branch_grid)

    def _paint(self, batch: Batch, grid: Grid) -> Tensor:
        truth = np.stack(
            [
                reference(boxes.numpy(), labels.numpy(), grid)
                for boxes, labels in zip(batch.boxes, batch.labels, strict=True)
            ]
        )
        return torch.from_numpy(np.stack([truth == label for label in range(10)], axis=1)).float()


class Noise(CalicoModel):
    """Its features are noise, each frame's its own."""

    def lidar_features(self, batch: Batch) -> Tensor:
        shape = (4, *self.trunk_grid.shape)
        return torch.from_numpy(
            np.stack([make_generator(0, token).normal(size=shape) for token in batch.tokens])
        ).float()


class Unlabelled:
    """A source whose frames of some scenes have no objects."""

    def __init__(self, source: FrameSource, empty: set[str]) -> None:
        self.source, self.empty, self.name = source, empty, source.name
        self.map_grid, self.cameras = source.map_grid, source.cameras
        self.taxonomy = source.taxonomy
        self.info, self.labels, self.content_hash = source.info, source.labels, source.content_hash

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, index: int) -> Frame:
        frame = self.source[index]
        return frame.replace(boxes=Boxes.empty()) if frame.scene in self.empty else frame


@pytest.fixture(scope="module")
def streets(street: FrameSource) -> FrameSource:
    """Four scenes of three frames."""
    source: FrameSource = type(street)(scenes=4, frames=3)  # type: ignore[call-arg]
    return source


def reference(boxes: np.ndarray, labels: np.ndarray, grid: Grid) -> np.ndarray:
    """Cells of the objects, the largest painted first."""
    rows, columns = grid.shape
    x = grid.x_min_m + grid.cell_m * (np.arange(columns) + 0.5)
    y = grid.y_min_m + grid.cell_m * (np.arange(rows) + 0.5)
    truth = np.full((rows, columns), BACKGROUND)
    for k in np.argsort([-float(box[3] * box[4]) for box in boxes], kind="stable"):
        footprint = shapely.Polygon(box_corners(boxes[k : k + 1])[0, :4, :2])
        truth[shapely.contains_xy(footprint, *np.meshgrid(x, y))] = labels[k]
        nearest = np.abs(y - boxes[k, 1]).argmin(), np.abs(x - boxes[k, 0]).argmin()
        if (
            max(abs(y[nearest[0]] - boxes[k, 1]), abs(x[nearest[1]] - boxes[k, 0]))
            < grid.cell_m / 2
        ):
            truth[nearest] = labels[k]
    return truth


def objects(*rows: tuple[float, ...], labels: list[int], points: list[int]) -> Boxes:
    """Rows of x, y, length, width, yaw."""
    boxes = np.array(
        [[x, y, -1.0, length, width, 1.5, yaw, 0.0, 0.0] for x, y, length, width, yaw in rows],
        np.float32,
    )
    return Boxes(boxes, np.array(labels), np.full(len(rows), -1), np.array(points))


def test_cells_of_one_box_by_hand() -> None:
    """4.2 x 1.8 m along x, centre at (2, 1): centres x 0.5, 1.5, 2.5, 3.5 and y 0.5, 1.5 lie
    inside."""
    labels = cell_labels(objects((2.0, 1.0, 4.2, 1.8, 0.0), labels=[3], points=[9]), GRID)
    assert labels.shape == (12, 16)
    rows, columns = np.nonzero(labels == 3)
    assert sorted(zip(rows.tolist(), columns.tolist(), strict=True)) == [
        (r, c) for r in (6, 7) for c in (8, 9, 10, 11)
    ]
    assert (labels == BACKGROUND).sum() == 12 * 16 - 8


@pytest.mark.parametrize("yaw", [0.3, 1.2, -2.5])
def test_cells_of_a_turned_box_agree_with_shapely(yaw: float) -> None:
    boxes = objects((1.3, -0.7, 6.1, 2.3, yaw), labels=[1], points=[5])
    labels = cell_labels(boxes, GRID)
    assert 8 < (labels == 1).sum() < 20
    np.testing.assert_array_equal(labels, reference(boxes.boxes, boxes.labels, GRID))


def test_small_hidden_and_outer_objects() -> None:
    """A cone between centres has the cell that it stands in; the hidden car none; the car off the
    grid none."""
    boxes = objects(
        (0.1, 0.1, 0.3, 0.3, 0.0),
        (4.0, 4.0, 4.0, 2.0, 0.0),
        (30.0, 0.0, 4.0, 2.0, 0.0),
        labels=[8, 0, 0],
        points=[2, 0, 9],
    )
    labels = cell_labels(boxes, GRID)
    assert np.argwhere(labels != BACKGROUND).tolist() == [[6, 8]]
    assert labels[6, 8] == 8


def test_the_smaller_of_two_objects_wins() -> None:
    big, small = (0.0, 0.0, 6.0, 4.0, 0.0), (0.5, 0.5, 0.8, 0.8, 0.0)
    for rows, names in (((big, small), [2, 5]), ((small, big), [5, 2])):
        labels = cell_labels(objects(*rows, labels=names, points=[5, 5]), GRID)
        assert (labels == 5).sum() == 1
        assert labels[6, 8] == 5
        assert (labels == 2).sum() == 23


@pytest.mark.parametrize("branch", ["lidar", "camera", "both"])
def test_features_that_paint_the_answer_score_one(streets: FrameSource, branch: str) -> None:
    fit, test = probe_split(streets, 4, seed=0)
    model = Painted(config())
    scores = probe_metrics(model, streets, fit, test, branch=branch, seed=0)
    assert scores["probe_ap"] == 1.0
    assert scores["probe_class"] == 1.0
    assert scores["probe_class_chance"] == 0.5
    grid = model.branch_grid if branch == "camera" else model.trunk_grid
    truth = []
    for index in test:
        seen = streets[index].boxes.select(streets[index].boxes.num_points > 0)
        truth.append(reference(seen.boxes, seen.labels, grid) != BACKGROUND)
    assert scores["probe_ap_chance"] == pytest.approx(np.mean(truth), abs=1e-12)


def test_both_are_the_lidar_beside_the_cameras(streets: FrameSource) -> None:
    """Cameras that paint the answer are read off beside a LiDAR that is noise; their channels are
    means of 2 x 2 cells."""
    model = Painted(config())
    model.lidar_features = Noise.lidar_features.__get__(model)  # type: ignore[method-assign]
    fit, test = probe_split(streets, 4, seed=0)
    alone, both = (
        probe_metrics(model, streets, fit, test, branch=b, seed=0)["probe_ap"]
        for b in ("lidar", "both")
    )
    assert alone < 0.3
    assert both > 0.8
    with left_alone(model):
        (frame, features), *_ = feature_maps(model, streets, [0], "both")
    batch = collate_frames([frame])
    assert torch.equal(features[:4], model.lidar_features(batch)[0])
    cells = model.camera_bev(batch)[0].unfold(1, 2, 2).unfold(2, 2, 2).mean((3, 4))
    torch.testing.assert_close(features[4:], cells)


def test_fused_features_are_what_the_heads_see(streets: FrameSource) -> None:
    torch.manual_seed(0)
    model = CalicoModel(config())
    with left_alone(model):
        (frame, features), *_ = feature_maps(model, streets, [0], "fused")
        assert torch.equal(features, model(collate_frames([frame])).bev[0])


def test_noise_scores_about_chance(streets: FrameSource) -> None:
    scores = probe_metrics(
        Noise(config()), streets, *probe_split(streets, 6, seed=0), branch="lidar", seed=0
    )
    assert scores["probe_ap"] == pytest.approx(scores["probe_ap_chance"], rel=0.5)
    assert scores["probe_class"] == pytest.approx(0.5, abs=0.12)


@pytest.mark.parametrize("branch", ["lidar", "camera", "both", "fused"])
def test_same_seed_same_numbers_and_the_model_is_left_alone(
    streets: FrameSource, branch: str
) -> None:
    torch.manual_seed(0)
    model = CalicoModel(config()).train()
    assert model.lidar is not None
    model.lidar.eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    fit, test = probe_split(streets, 2, seed=1)
    first = probe_metrics(model, streets, fit, test, branch=branch, seed=1)
    assert probe_metrics(model, streets, fit, test, branch=branch, seed=1) == first
    assert all(0.0 < value < 1.0 for value in first.values())
    assert model.training
    assert model.backbone.training
    assert not any(module.training for module in model.lidar.modules())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert torch.is_grad_enabled()


def test_modes_come_back_after_an_error() -> None:
    frozen, free = torch.nn.Dropout().eval(), torch.nn.Dropout()
    model = torch.nn.Sequential(frozen, free)

    def broken() -> None:
        with left_alone(model):
            assert not free.training
            assert not torch.is_grad_enabled()
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        broken()
    assert [model.training, frozen.training, free.training] == [True, False, True]
    assert torch.is_grad_enabled()


def test_fit_and_test_are_of_different_scenes(street: FrameSource) -> None:
    source: FrameSource = type(street)(scenes=5, frames=4)  # type: ignore[call-arg]
    fit, test = probe_split(source, 100, seed=0)
    assert sorted(fit + test) == list(range(20))
    scenes = [{source.info(i).scene for i in half} for half in (fit, test)]
    assert not scenes[0] & scenes[1]
    assert [len(half) for half in scenes] == [3, 2]
    few, _ = probe_split(source, 3, seed=0)
    assert [source.info(i).scene for i in few] == sorted(scenes[0])
    assert probe_split(source, 100, seed=0) == (fit, test)
    assert len({tuple(probe_split(source, 100, seed=s)[0]) for s in range(8)}) > 1


def test_one_scene_is_refused(street: FrameSource) -> None:
    with pytest.raises(CalicoError, match="1 scene, expected at least two"):
        probe_split(type(street)(scenes=1, frames=4), 4, seed=0)  # type: ignore[call-arg]


def test_a_scene_on_both_sides_is_refused(streets: FrameSource) -> None:
    with pytest.raises(CalicoError, match="scene street0 is on both sides"):
        probe_metrics(Painted(config()), streets, [0, 3], [1, 6], branch="lidar", seed=0)


@pytest.mark.parametrize(
    ("empty", "message"),
    [
        ("street0", "show 0 classes; expected at least two"),
        ("street1", "no cell of the 3 test frames"),
    ],
)
def test_frames_without_objects_are_refused(streets: FrameSource, empty: str, message: str) -> None:
    source = Unlabelled(streets, {empty})
    with pytest.raises(CalicoError, match=message):
        probe_metrics(Painted(config()), source, [0, 1, 2], [3, 4, 5], branch="lidar", seed=0)


def test_frames_of_one_class_are_refused(streets: FrameSource) -> None:
    class Cars(Unlabelled):
        def __getitem__(self, index: int) -> Frame:
            boxes = self.source[index].boxes
            return self.source[index].replace(
                boxes=replace(boxes, labels=np.zeros_like(boxes.labels))
            )

    with pytest.raises(CalicoError, match="show 1 classes; expected at least two"):
        probe_metrics(Painted(config()), Cars(streets, set()), [0], [3], branch="lidar", seed=0)


def test_broken_features_are_refused(streets: FrameSource) -> None:
    model = Painted(config())
    nan = torch.full((1, 3, 16, 16), torch.nan)
    broken = lambda batch: nan.repeat(len(batch), 1, 1, 1)  # noqa: E731
    model.lidar_features = broken  # type: ignore[method-assign]
    with pytest.raises(CalicoError, match="features of frame street0-0 are NaN or infinite"):
        probe_metrics(model, streets, [0], [3], branch="lidar", seed=0)
