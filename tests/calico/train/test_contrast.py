from pathlib import Path

import numpy as np
import pytest
import torch

from calico.config.model import GridConfig
from calico.config.training import AugmentConfig, RegionConfig, SampleConfig
from calico.data.source import FrameInfo
from calico.frame import Boxes, Frame, Int64
from calico.geometry.grid import Grid
from calico.taxonomy import NUSCENES
from calico.train.contrast import LESS, UNUSED, ContrastLoader, remove_labels, sample_points

GRID = GridConfig(
    x_range_m=(-16, 16), y_range_m=(-16, 16), map_x_range_m=(-16, 16), map_y_range_m=(-16, 16)
)
TURN = AugmentConfig(rotation_deg=90.0, scale=(0.9, 1.1), translation_m=0.5)


def blobs(frame: Frame, *centers: tuple[float, float], count: int = 40) -> Frame:
    """Flat ground with a column of points at each centre."""
    rng = np.random.default_rng(0)
    ground = np.column_stack(
        [rng.uniform(-14, 14, (1500, 2)), rng.normal(-1.8, 0.01, 1500), np.zeros((1500, 2))]
    )
    columns = [
        np.column_stack(
            [rng.normal(c, 0.25, (count, 2)), rng.uniform(-1.4, -0.3, count), np.zeros((count, 2))]
        )
        for c in centers
    ]
    points = np.concatenate([ground, *columns]).astype(np.float32)
    return frame.replace(
        points=points,
        ring=np.zeros(len(points), np.int16),
        sweep_index=np.zeros(len(points), np.int16),
    )


class One:
    """A source of one frame."""

    name, cameras = "one", ("front", "back")
    map_grid: Grid | None = None
    taxonomy = NUSCENES

    def __init__(self, frame: Frame) -> None:
        self.frame = frame

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> Frame:
        return self.frame

    def info(self, index: int) -> FrameInfo:
        return FrameInfo(self.frame.token, self.frame.scene)

    def labels(self, index: int) -> Int64:
        raise AssertionError("pre-training asked for labels")

    def content_hash(self) -> str:
        return "one"


def loader(
    frame: Frame, folder: Path, *, views: int = 2, cells_m: float | None = None
) -> ContrastLoader:
    images = None if views == 2 else (64, 128)
    regions = RegionConfig(cache_dir=folder)
    samples = SampleConfig(rich=64, less=32)
    return ContrastLoader(
        One(frame), regions, samples, TURN, GRID, 0, "prc", views, images, cells_m
    )  # type: ignore[arg-type]


def test_sampled_points_are_the_same_points_in_both_views(frame: Frame, tmp_path: Path) -> None:
    made = blobs(frame, (6.0, 5.0), (-7.0, 2.0))
    batch = loader(made, tmp_path)(0, [0], [0])
    first, second = batch.xy
    rich = batch.region[0] >= 0
    assert set(batch.region[0].tolist()) == {0, 1, LESS}
    assert int(rich.sum()) > 20
    # Both views are similarities of one cloud: distances between points differ by one factor.
    ratio = torch.pdist(second[0][batch.region[0] != UNUSED]) / torch.pdist(
        first[0][batch.region[0] != UNUSED]
    )
    assert ratio.std() < 1e-3
    assert not torch.allclose(first, second)
    for view, xy in zip(batch.views, batch.xy, strict=True):  # each is a point of its view's cloud
        cloud = view.points[0, :, :2]
        assert torch.cdist(xy[0][rich].double(), cloud.double()).min(1).values.max() < 1e-5


def test_labels_make_no_difference(frame: Frame, tmp_path: Path) -> None:
    made = blobs(frame, (6.0, 5.0))
    poisoned = made.replace(boxes=Boxes.empty(), map_masks=None)
    for views in (1, 2):
        a = loader(made, tmp_path / "a", views=views)(3, [5], [0])
        b = loader(poisoned, tmp_path / "b", views=views)(3, [5], [0])
        assert torch.equal(a.region, b.region)
        assert all(torch.equal(x, y) for x, y in zip(a.xy, b.xy, strict=True))
        for x, y in zip(a.views, b.views, strict=True):
            assert torch.equal(x.points, y.points)
            assert torch.equal(x.images, y.images)
            assert x.map_masks is None
            assert len(x.boxes[0]) == 0


def test_epochs_and_positions_differ_and_the_same_repeat(frame: Frame, tmp_path: Path) -> None:
    load = loader(blobs(frame, (6.0, 5.0)), tmp_path)
    again, other_epoch, other_place = load(0, [0], [0]), load(1, [0], [0]), load(0, [1], [0])
    assert torch.equal(load(0, [0], [0]).views[0].points, again.views[0].points)
    assert not torch.equal(other_epoch.views[0].points, again.views[0].points)
    assert not torch.equal(other_place.views[0].points, again.views[0].points)


def test_every_cell_is_a_region_of_its_own(frame: Frame, tmp_path: Path) -> None:
    batch = loader(blobs(frame, (6.0, 5.0)), tmp_path, cells_m=1.0)(0, [0], [0])
    used = batch.region[0][batch.region[0] != UNUSED]
    assert len(used) == len(set(used.tolist())) == 64
    cells = torch.floor(batch.xy[0][0])
    assert len({tuple(cell) for cell in cells.tolist()}) == 64


def test_regions_take_turns(frame: Frame) -> None:
    rng = np.random.default_rng(1)
    points = np.zeros((1000, 5), np.float32)
    points[:, :2] = rng.uniform(-15, 15, (1000, 2))
    region = np.full(1000, -1)
    region[:900], region[900:910] = 0, 7
    chosen = sample_points([points], region, GRID, SampleConfig(rich=20, less=5, cell_m=0.01), rng)
    counts = {r: int((region[chosen] == r).sum()) for r in (0, 7, -1)}
    assert counts == {0: 10, 7: 10, -1: 5}
    few = sample_points([points], region, GRID, SampleConfig(rich=900, less=900, cell_m=0.01), rng)
    assert len(few) == len(set(few.tolist())) == 990  # 900 of 910 in regions, and all 90 others


@pytest.mark.parametrize("place", [(16.5, 0.0, 0.0), (0.0, -16.5, 0.0), (0.0, 0.0, 9.0)])
def test_points_off_the_grid_in_any_view_are_left_out(place: tuple[float, float, float]) -> None:
    here = np.array([[1.0, 2.0, 0, 0, 0], [3.0, 4.0, 0, 0, 0]], np.float32)
    moved = here.copy()
    moved[0, :3] = place
    chosen = sample_points(
        [here, moved], np.zeros(2, np.int64), GRID, SampleConfig(), np.random.default_rng(0)
    )
    assert chosen.tolist() == [1]


def test_an_empty_cloud_gives_no_samples(frame: Frame, tmp_path: Path) -> None:
    empty = frame.replace(
        points=frame.points[:0], ring=frame.ring[:0], sweep_index=frame.sweep_index[:0]
    )
    batch = loader(empty, tmp_path)(0, [0], [0])
    assert set(batch.region[0].tolist()) == {UNUSED}


def test_unlabelled_keeps_the_sensors(frame: Frame) -> None:
    bare = remove_labels(frame, cameras=True)
    assert bare.points is frame.points
    assert bare.images == frame.images
    assert (len(bare.boxes), bare.map_masks) == (0, None)
    assert remove_labels(frame, cameras=False).images == ()
