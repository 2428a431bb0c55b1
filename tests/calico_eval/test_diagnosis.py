"""What is measured while a model is pre-trained."""

from __future__ import annotations

from pathlib import Path

import pytest

from calico.config.schema import Config
from calico.data.source import FrameSource
from calico.models.calico import build_model
from calico_eval.diagnosis import diagnosis
from calico_eval.engines.torch import TorchEngine
from calico_eval.features import Branch
from calico_eval.probe import probe_metrics, probe_split

SCORES = {"probe_ap", "probe_ap_chance", "probe_class", "probe_class_chance"}


@pytest.fixture(scope="module")
def streets(street: FrameSource) -> FrameSource:
    """Four scenes of three frames."""
    source: FrameSource = type(street)(scenes=4, frames=3)  # type: ignore[call-arg]
    return source


@pytest.fixture
def config(small_engine: TorchEngine) -> Config:
    """Of a narrow network with both sensors."""
    return small_engine.config


def measured(
    config: Config, source: FrameSource, branch: Branch, picture: Path
) -> tuple[dict[str, float | None], list[str]]:
    said: list[str] = []
    return diagnosis(source, branch, picture, seed=3, say=said.append)(
        build_model(config, seed=0), config
    ), said


def test_cameras_are_also_probed_beside_the_lidar(
    config: Config, streets: FrameSource, tmp_path: Path
) -> None:
    found, said = measured(config, streets, "camera", tmp_path / "regions.png")
    assert set(found) == SCORES | {
        f"{which}_{name}" for which in ("lidar", "both") for name in SCORES
    }
    fit, test = probe_split(streets, 20, seed=3)
    branches: dict[str, Branch] = {"": "camera", "lidar_": "lidar", "both_": "both"}
    for prefix, branch in branches.items():
        own = probe_metrics(build_model(config, seed=0), streets, fit, test, branch=branch, seed=3)
        assert {name: found[prefix + name] for name in SCORES} == own
    assert [line.split(":")[0] for line in said[-3:]] == [
        f"linear probe, {which}" for which in ("camera", "lidar", "both")
    ]


def test_the_lidar_is_probed_alone(config: Config, streets: FrameSource, tmp_path: Path) -> None:
    assert set(measured(config, streets, "lidar", tmp_path / "regions.png")[0]) == SCORES


def test_cameras_without_lidar_are_probed_alone(
    config: Config, streets: FrameSource, tmp_path: Path
) -> None:
    cameras = config.model_copy(update={"model": config.model.model_copy(update={"lidar": None})})
    assert set(measured(cameras, streets, "camera", tmp_path / "regions.png")[0]) == SCORES


def test_a_probe_that_cannot_be_made_stops_nothing(
    config: Config, street: FrameSource, tmp_path: Path
) -> None:
    one_scene: FrameSource = type(street)(scenes=1, frames=3)  # type: ignore[call-arg]
    found, said = measured(config, one_scene, "lidar", tmp_path / "regions.png")
    assert found == {}
    assert said[-1].startswith("no linear probe: ")
