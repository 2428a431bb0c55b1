"""Embeddings and classes of regions against values made by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from calico.config.model import BevConfig, GridConfig, LidarConfig, ModelConfig
from calico.config.schema import Config
from calico.data.batch import Batch
from calico.data.source import FrameSource
from calico.draw.style import CLASS_COLORS
from calico.errors import CalicoError
from calico.frame import Frame
from calico.models.calico import CalicoModel
from calico.regions import find_regions
from calico_eval.region_picture import region_classes, region_embeddings, region_picture


class Places(CalicoModel):
    """Its features are the place of a cell: x, y and 1."""

    def lidar_features(self, batch: Batch) -> Tensor:
        x, y = torch.from_numpy(self.trunk_grid.cell_centers()).float().unbind(-1)
        return torch.stack([x, y, torch.ones_like(x)]).expand(len(batch), -1, -1, -1)


@pytest.fixture
def places() -> Places:
    return Places(
        Config(
            grid=GridConfig(x_range_m=(-16, 16), y_range_m=(-16, 16), pillar_m=1.0),
            model=ModelConfig(
                lidar=LidarConfig(pillar_channels=8),
                camera=None,
                bev=BevConfig(
                    layers=(1,), strides=(2,), channels=(8,), neck_channels=8, out_stride=2
                ),
                map=None,
            ),
        )
    )


def test_a_region_is_the_mean_of_its_points(places: Places, street: FrameSource) -> None:
    embeddings, labels = region_embeddings(places, street, [0, 3], "lidar")
    expected = []
    for index in (0, 3):
        frame = street[index]
        regions = find_regions(frame, places.config.pretrain.regions)
        for region in range(regions.max() + 1):
            xy = frame.points[regions == region, :2].astype(np.float64)
            xy = xy[(abs(xy) < 16.0).all(axis=1)]
            if len(xy):
                place = np.column_stack(
                    [xy.clip(-15.0, 15.0), np.ones(len(xy))]
                )  # beyond the outer centres: their value
                expected.append((place / np.linalg.norm(place, axis=1, keepdims=True)).mean(axis=0))
    assert len(expected) > 8
    np.testing.assert_allclose(embeddings, np.stack(expected), atol=1e-5)
    assert set(labels.tolist()) <= {-1, 0, 5}
    assert {0, 5} <= set(labels.tolist())


def test_most_points_decide_the_class(frame: Frame) -> None:
    """Of the hand-built frame: 600 points on the ground, then 40 in the car (0), then 40 in the
    pedestrian (5)."""
    rows = np.concatenate(
        [
            np.arange(600, 610),
            np.arange(0, 3),
            np.arange(640, 650),
            np.arange(0, 8),
            np.arange(600, 605),
        ]
    )
    region = np.repeat([0, 0, 1, 2, 2], [10, 3, 10, 8, 5])
    assert region_classes(frame, rows, region).tolist() == [0, 5, -1]


def test_the_picture_shows_the_classes_of_the_regions(places: Places, street: FrameSource) -> None:
    picture = region_picture(places, street, [0, 3], branch="lidar", size_px=240)
    shown = [
        k for k, color in enumerate(CLASS_COLORS) if (picture[:240] == color).all(axis=2).any()
    ]
    assert shown == [0, 5]
    np.testing.assert_array_equal(
        picture, region_picture(places, street, [0, 3], branch="lidar", size_px=240)
    )


def test_a_source_without_regions_is_refused(places: Places, street: FrameSource) -> None:
    limits = places.config.pretrain.regions.model_copy(update={"top_m": (50.0, 60.0)})
    pretrain = places.config.pretrain.model_copy(update={"regions": limits})
    places.config = places.config.model_copy(update={"pretrain": pretrain})
    with pytest.raises(CalicoError, match="no region in 1 frames"):
        region_embeddings(places, street, [0], "lidar")
