"""Categories and the classes that they belong to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from calico.data.nuscenes import NuScenesSource
from tests.calico.data.nuscenes.loading import complaint_of_scene

Rows = list[dict]


Edit = Callable[[str, Callable[[Rows], object]], None]


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("vehicle.carr", "did you mean 'vehicle.car'?"),
        ("Vehicle.Car", "did you mean 'vehicle.car'?"),
        ("car", "did you mean 'vehicle.car'?"),
        ("human.pedestrian.adlut", "did you mean 'human.pedestrian.adult'?"),
        ("tram", "objects that are no class of the task go under an official one"),
    ],
)
def test_unknown_categories_do_not_vanish(tiny: Path, edit: Edit, name: str, advice: str) -> None:
    edit("category", lambda rows: rows[0].update(name=name))
    message = complaint_of_scene(tiny)
    assert f"row 'category-0' is the category '{name}', which is no category of nuScenes" in message
    assert advice in message


def test_official_categories_without_a_class_are_left_out(tiny: Path, edit: Edit) -> None:
    edit("category", lambda rows: rows[0].update(name="vehicle.emergency.police"))
    assert NuScenesSource(tiny, "v1.0-mini", "train", None).labels(0).tolist() == [5]
