"""Which objective a frame gets, and which models an objective refuses."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from calico.config.model import DetectionConfig, ModelConfig
from calico.config.schema import Config
from calico.errors import CalicoError
from calico.frame import Boxes, Frame
from calico_eval.engines.network.objectives import OBJECTIVES, choose_objective, usual_objective
from calico_eval.engines.torch import TorchEngine


@pytest.mark.parametrize("name", sorted(OBJECTIVES))
def test_a_full_frame_gets_what_was_asked(
    fused: TorchEngine, street_frame: Frame, name: str
) -> None:
    assert choose_objective(name, street_frame, fused.config) == (name, "")


@pytest.mark.parametrize(
    ("name", "instead"),
    [
        ("hide", "create"),
        ("loc", "create"),
        ("flip", "create"),
        ("multi", "seg"),
        ("det", ""),
        ("seg", ""),
        ("score", ""),
    ],
)
def test_without_objects(fused: TorchEngine, street_frame: Frame, name: str, instead: str) -> None:
    boxes = street_frame.boxes
    unseen = street_frame.replace(boxes=replace(boxes, num_points=np.zeros_like(boxes.num_points)))
    trucks = street_frame.replace(boxes=replace(boxes, labels=np.ones_like(boxes.labels)))
    for frame in (unseen, trucks, street_frame.replace(boxes=Boxes.empty())):
        note = (
            f"no object with LiDAR points on the grid: objective '{instead}' instead of '{name}'"
            if instead
            else ""
        )
        assert choose_objective(name, frame, fused.config) == (instead or name, note)


@pytest.mark.parametrize(
    ("name", "instead"),
    [
        ("map_erase", "feat"),
        ("map_create", "feat"),
        ("seg", "feat"),
        ("multi", "hide"),
        ("feat", ""),
        ("det", ""),
    ],
)
def test_without_a_map(fused: TorchEngine, street_frame: Frame, name: str, instead: str) -> None:
    assert street_frame.map_masks is not None
    nothing_known = np.zeros(street_frame.map_masks.shape[1:], np.bool_)
    for frame in (
        street_frame.replace(map_masks=None),
        street_frame.replace(map_known=nothing_known),
    ):
        note = f"no known map cell: objective '{instead}' instead of '{name}'" if instead else ""
        assert choose_objective(name, frame, fused.config) == (instead or name, note)


def test_without_either_or_without_a_true_cell(fused: TorchEngine, street_frame: Frame) -> None:
    assert street_frame.map_masks is not None
    bare = street_frame.replace(boxes=Boxes.empty(), map_masks=None)
    assert choose_objective("multi", bare, fused.config)[0] == "feat"
    blank = street_frame.replace(map_masks=np.zeros_like(street_frame.map_masks))
    assert choose_objective("map_erase", blank, fused.config)[0] == "map_create"
    assert choose_objective("seg", blank, fused.config)[0] == "seg"


def test_without_a_free_place(fused: TorchEngine, street_frame: Frame) -> None:
    line = np.arange(-16.0, 17.0, 4.0)
    full = np.zeros((len(line) ** 2, 9), np.float32)
    full[:, 3:6], full[:, :2] = 1.0, np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)
    none = np.zeros(len(full), np.int64)
    crowded = street_frame.replace(boxes=Boxes(full, none, none, none + 9))
    assert choose_objective("create_at", crowded, fused.config) == (
        "create",
        "no free place on the grid: objective 'create' instead of 'create_at'",
    )


def test_models_that_an_objective_cannot_attack_are_refused(street_frame: Frame) -> None:
    maps_only = Config(model=ModelConfig(detection=None))
    boxes_only = Config(model=ModelConfig(map=None))
    walkers = Config(
        model=ModelConfig(detection=DetectionConfig(tasks=(("pedestrian",),)), map=None)
    )
    for name, objective in OBJECTIVES.items():
        if "detection" in objective.heads:
            with pytest.raises(
                CalicoError,
                match=rf"'{name}': the model has no detection head \(model.detection is null\)",
            ):
                choose_objective(name, street_frame, maps_only)
        if "map" in objective.heads:
            with pytest.raises(
                CalicoError, match=rf"'{name}': the model has no map head \(model.map is null\)"
            ):
                choose_objective(name, street_frame, boxes_only)
    with pytest.raises(
        CalicoError, match="the model knows only pedestrian; expected two classes or more"
    ):
        choose_objective("flip", street_frame, walkers)
    with pytest.raises(CalicoError, match="the model does not know car; it knows pedestrian"):
        choose_objective("create_at", street_frame, walkers)


def test_what_is_raised_where_nothing_is_said() -> None:
    maps_only, both = Config(model=ModelConfig(detection=None)), Config()
    assert [usual_objective(one) for one in ([both], [maps_only, both], [maps_only], [])] == [
        "hide",
        "hide",
        "map_erase",
        "hide",
    ]
