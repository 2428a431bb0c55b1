from pathlib import Path

import pytest
from click.testing import CliRunner

from calico.cli.main import cli
from calico.cli.train import _add_flags
from calico.config.load import load_config
from calico.errors import CalicoError
from tests.mini import MINI


def test_options_become_settings() -> None:
    config = _add_flags(load_config("tiny"), "prc", ("fog, rain", "snowfall"), "pgd", 0.05)
    assert config.train.init == "prc"
    assert config.train.corruptions == ("fog", "rain", "snowfall")
    assert config.train.label_fraction == 0.05
    assert config.train.adversarial is not None


def test_adversarial_settings_of_the_configuration_stay() -> None:
    config = load_config("tiny", None, ["train.adversarial.steps=9"])
    trained = _add_flags(config, None, (), "pgd", None)
    assert trained.train.adversarial is not None
    assert trained.train.adversarial.steps == 9


def test_nothing_is_written_for_a_start_that_is_not_there(tmp_path: Path) -> None:
    out = tmp_path / "run"
    settings = [word for text in MINI for word in ("--set", text)]
    done = CliRunner().invoke(cli, ["train", *settings, "--init", "nowhere", "--out", str(out)])
    assert isinstance(done.exception, CalicoError)
    assert "'nowhere' is no file" in str(done.exception)
    assert not out.exists()


@pytest.mark.parametrize("stage", ["prc", "rad"])
def test_pre_training_of_a_camera_alone_is_refused(stage: str, tmp_path: Path) -> None:
    words = ["train", "--init", "calico", "--set", "model.lidar=null", "--stage", stage]
    done = CliRunner().invoke(cli, [*words, "--out", str(tmp_path / "run")])
    assert "calico needs model.lidar, which is null" in str(done.exception)
