"""Checks of several engines: labels that differ, sensors and classes that the data have."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from calico.config.load import load_config
from calico.config.schema import Config
from calico.data.source import FrameSource
from calico.errors import CalicoError
from calico_eval.engines.base import check_cameras, check_labels, check_taxonomy, label


@dataclass
class Named:
    """An engine as far as these checks look at it."""

    model_name: str
    name: str = "user"
    config: Config | None = None


class NoCameras:
    """Data without cameras."""

    name, cameras = "bare", ()


def test_a_label_is_model_and_engine() -> None:
    assert label(Named("mine", "torch-cpu")) == "mine/torch-cpu"  # type: ignore[arg-type]


def test_two_engines_of_one_label_are_refused() -> None:
    check_labels([Named("a"), Named("b"), Named("a", "files")])  # type: ignore[list-item]
    with pytest.raises(CalicoError, match=r"two engines are both called a/user, b/user; give"):
        check_labels([Named(name) for name in ("b", "a", "a", "c", "b")])  # type: ignore[misc]


def test_cameras_are_missed_by_models_of_ours_only(street: FrameSource) -> None:
    fused = Named("ours", config=load_config("tiny", None, []))
    blind = Named("lidar", config=load_config("tiny", None, ["model.camera=null"]))
    check_cameras([fused], street)  # type: ignore[list-item]
    check_cameras([Named("theirs"), blind], NoCameras())  # type: ignore[list-item, arg-type]
    with pytest.raises(CalicoError, match="model ours looks at cameras, but data bare have none"):
        check_cameras([blind, fused], NoCameras())  # type: ignore[list-item, arg-type]


def test_classes_must_be_those_of_the_data_for_models_of_ours(street: FrameSource) -> None:
    check_taxonomy([Named("theirs")], street)  # type: ignore[list-item]
    ours = Named("ours", config=load_config("tiny", None, []))
    check_taxonomy([ours], street)  # type: ignore[list-item]
    other = Named("other", config=load_config("tiny", None, ["taxonomy=waymo"]))
    with pytest.raises(CalicoError, match="model other knows the classes vehicle"):
        check_taxonomy([Named("theirs"), other], street)  # type: ignore[list-item]
