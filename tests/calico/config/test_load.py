from pathlib import Path

import pytest
import yaml

from calico.config.load import load_config, to_yaml, validate
from calico.config.presets import PRESETS
from calico.errors import CalicoError


@pytest.mark.parametrize("preset", PRESETS)
def test_yaml_reads_back_to_an_equal_configuration(preset: str) -> None:
    config = load_config(preset)
    assert validate(yaml.safe_load(to_yaml(config))) == config


def test_order_is_preset_file_set_flag(tmp_path: Path) -> None:
    file = tmp_path / "my.yaml"
    file.write_text("seed: 1\ntrain: {epochs: 2, batch_size: 2}\n")
    assert load_config("tiny", file).train.epochs == 2
    merged = load_config("tiny", file, ["train.epochs=3", "seed=2"], {"seed": 3, "device": None})
    assert (merged.seed, merged.train.epochs, merged.train.batch_size, merged.device) == (3, 3, 2, "auto")


def test_all_faults_at_once_with_the_nearest_key() -> None:
    with pytest.raises(CalicoError) as caught:
        load_config("tiny", None, ["model.camera.chanels=3", "train.epoch=4", "train.epochs=-1"])
    message = str(caught.value)
    assert "model.camera.chanels (did you mean channels?)" in message
    assert "train.epoch (did you mean epochs?)" in message
    assert "train.epochs: Input should be greater than 0; got -1" in message


@pytest.mark.parametrize(
    ("assignments", "expected"),
    [
        (["seed"], "expected KEY=VALUE"),
        (["seed=[1"], "not valid YAML"),
        (["grid.pillar_m=0.3"], "expected a whole number"),
        (["model.lidar=null", "model.camera=null"], "at least one sensor"),
        (["model.detection=null", "model.map=null"], "at least one task"),
        (["model.fuser=add", "model.camera.channels=8"], "needs equal channels"),
        (["model.bev.strides=[2,2,64]"], "not divisible"),
        (["model.detection.tasks=[[car],[cat]]"], "['cat']"),
        (["model.detection.tasks=[[car],[car]]"], "a class twice"),
        (["device=banana"], "device: got 'banana', expected auto, cpu, cuda or cuda:N"),
        (["device=cuda:x"], "device: got 'cuda:x'"),
        (["seed=-1"], "seed: Input should be greater than or equal to 0; got -1"),
    ],
)
def test_every_guard_fires(assignments: list[str], expected: str) -> None:
    with pytest.raises(CalicoError) as caught:
        load_config("tiny", None, assignments)
    assert expected in str(caught.value)


def test_unknown_preset_and_bad_files(tmp_path: Path) -> None:
    with pytest.raises(CalicoError, match=r"did you mean tiny\?"):
        load_config("tinny")
    with pytest.raises(CalicoError, match="No such file"):
        load_config("tiny", tmp_path / "none.yaml")
    (tmp_path / "list.yaml").write_text("- 1\n")
    with pytest.raises(CalicoError, match="got a list"):
        load_config("tiny", tmp_path / "list.yaml")
    (tmp_path / "broken.yaml").write_text("a: [1\n")
    with pytest.raises(CalicoError, match="not valid YAML"):
        load_config("tiny", tmp_path / "broken.yaml")


def test_reference_grids_are_those_of_the_zoo() -> None:
    assert load_config("nuscenes").grid.pillars.shape == (512, 512)
    assert load_config("waymo").grid.pillars.shape == (468, 468)
    assert load_config("nuscenes").grid.map.shape == (200, 200)
