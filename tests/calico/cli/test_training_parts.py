from pathlib import Path

import pytest

from calico.cli.training_parts import make_adversary, make_measures, make_validation
from calico.config.load import load_config
from calico.data.open import open_source
from calico.models.calico import build_model
from calico_eval.validation import validation_metrics
from tests.mini import MINI

SIM = "data.sim={val_scenes: 1, frames_per_scene: 1, image_size: [64, 128]}"


def test_the_adversary_is_there_if_the_configuration_asks() -> None:
    assert make_adversary(load_config("tiny", None, MINI)) is None
    assert make_adversary(load_config("tiny", None, [*MINI, "train.adversarial={}"])) is not None


def test_validation_gives_and_prints_the_scores(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = load_config("tiny", None, [*MINI, SIM, f"data.cache_dir={tmp_path}"])
    source, model = open_source(config, "val"), build_model(config, 0).eval()
    found = make_validation(source)(model, config)
    assert found == validation_metrics(model, config, source)
    assert capsys.readouterr().err.startswith("validation: mAP 0.0")
    assert set(make_measures(config, source, tmp_path)) == {"prc", "rad", "finetune"}
