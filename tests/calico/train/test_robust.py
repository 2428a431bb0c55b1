"""Conditions of robust training."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from calico.config.load import load_config
from calico.config.schema import Config
from calico.data.source import FrameInfo
from calico.errors import CalicoError
from calico.frame import Frame, Int64
from calico.geometry.grid import Grid
from calico.taxonomy import NUSCENES
from calico.train.robust import training_conditions
from corruptions.presets import PRESETS


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


def config_of(*corruptions: str, settings: tuple[str, ...] = ()) -> Config:
    return load_config("tiny", None, list(settings), {"train.corruptions": list(corruptions)})


@pytest.fixture
def source(frame: Frame, map_grid: Grid) -> One:
    return One(frame.replace(previous=lambda: None), map_grid)


def test_no_corruption_and_no_frame_are_none(source: One) -> None:
    assert training_conditions(config_of(), source) == ((), ())


def test_suites_with_other_levels_are_trained_on_together(source: One) -> None:
    conditions, notes = training_conditions(config_of("robo3d", "multicorrupt", "fog"), source)
    fog = {(c.severity, c.value) for c in conditions if c.name == "fog"}
    assert {(1, 300), (1, 150), (1, None), (5, None)} <= fog
    assert len(set(conditions)) == len(conditions)
    assert notes == ()


def test_a_preset_gives_what_changes_a_sensor_of_the_model(source: One) -> None:
    whole, none = training_conditions(config_of("calico"), source)
    assert whole == PRESETS["calico"].levels
    assert none == ()
    blind, notes = training_conditions(config_of("calico", settings=("model.camera=null",)), source)
    assert {c.name for c in whole} - {c.name for c in blind} == {
        "low_light",
        "motion_blur",
        "camera_crash",
        "extrinsic",
        "temporal_offset",
    }
    assert "low_light is not trained on: it changes no sensor that the model has" in notes
    assert len(notes) == 5
    camera, _ = training_conditions(
        config_of("all", settings=("model.lidar=null", "augment.sensor_dropout=0")), source
    )
    assert {"fog", "low_light", "extrinsic"} <= {c.name for c in camera}
    assert not {"object_scale", "beam_missing"} & {c.name for c in camera}


@pytest.mark.parametrize(
    ("names", "settings", "message"),
    [
        (
            ("fog", "low_light"),
            ("model.camera=null",),
            "low_light can do nothing here: it changes no sensor that the model",
        ),
        (("fog,low_light",), ("model.camera=null",), "low_light can do nothing here"),
        (
            ("fog+object_scale",),
            ("model.lidar=null",),
            "it moves objects in the LiDAR, which the model does not have",
        ),
    ],
)
def test_what_was_named_and_can_do_nothing_is_an_error(
    names: tuple[str, ...], settings: tuple[str, ...], message: str, source: One
) -> None:
    with pytest.raises(CalicoError, match=message):
        training_conditions(config_of(*names, settings=settings), source)


def test_data_without_what_a_corruption_needs(source: One) -> None:
    frame = source.frame
    ringless = replace(source, frame=frame.replace(ring=np.full_like(frame.ring, -1)))
    with pytest.raises(
        CalicoError,
        match=r"beam_missing can do nothing here: the data have no beam numbers \(ring\)",
    ):
        training_conditions(config_of("beam_missing"), ringless)
    _, notes = training_conditions(config_of("calico"), ringless)
    assert "beams_reduced is not trained on: the data have no beam numbers (ring)" in notes
