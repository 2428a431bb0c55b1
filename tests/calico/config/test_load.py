"""None"""

from pathlib import Path

import pytest
import yaml

from calico.config.load import (
    describe_changes,
    load_config,
    portable_config,
    to_yaml,
    validate_config,
)
from calico.config.presets import PRESETS
from calico.errors import CalicoError


@pytest.mark.parametrize("preset", PRESETS)
def test_yaml_reads_back_to_an_equal_configuration(preset: str) -> None:
    config = load_config(preset)
    assert validate_config(yaml.safe_load(to_yaml(config))) == config


def test_order_is_preset_file_set_flag(tmp_path: Path) -> None:
    file = tmp_path / "my.yaml"
    file.write_text("seed: 1\ntrain: {epochs: 2, batch_size: 2}\n")
    assert load_config("tiny", file).train.epochs == 2
    merged = load_config("tiny", file, ["train.epochs=3", "seed=2"], {"seed": 3, "device": None})
    assert (merged.seed, merged.train.epochs, merged.train.batch_size, merged.device) == (
        3,
        3,
        2,
        "auto",
    )


def test_all_faults_at_once_with_the_nearest_key() -> None:
    with pytest.raises(CalicoError) as caught:
        load_config("tiny", None, ["model.camera.chanels=3", "train.epoch=4", "train.epochs=-1"])
    message = str(caught.value)
    assert "model.camera.chanels (did you mean channels?)" in message
    assert "train.epoch (did you mean epochs?)" in message
    assert "train.epochs: Input should be greater than or equal to 1; got -1" in message


def test_a_later_set_of_the_same_key_wins() -> None:
    assert load_config("tiny", None, ["train.epochs=2", "train.epochs=3"]).train.epochs == 3


def test_a_path_or_name_is_taken_as_it_is_typed() -> None:
    typed = [
        "data.root=/data/a: b #1",
        "name=1.0",
        "data.version='v1'",
        "data.cache_dir=null",
        "train.init=[x",
    ]
    config = load_config("tiny", None, typed)
    assert str(config.data.root) == "/data/a: b #1"
    assert (config.name, config.data.version, config.data.cache_dir, config.train.init) == (
        "1.0",
        "v1",
        None,
        "[x",
    )


def test_the_portable_configuration_is_that_of_any_machine(tmp_path: Path) -> None:
    here = load_config(
        "tiny",
        None,
        [
            f"data.root={tmp_path}",
            f"data.cache_dir={tmp_path}",
            "data.workers=3",
            "eval.batch_size=1",
            f"pretrain.regions.cache_dir={tmp_path}",
            f"model.camera.backbone_weights={tmp_path}/w.safetensors",
            "device=cpu",
        ],
    )
    assert portable_config(here) == portable_config(load_config("tiny"))
    assert portable_config(load_config("tiny", None, ["train.epochs=7"])) != portable_config(here)


def test_changes_are_named_by_key_with_both_values() -> None:
    before, now = (
        load_config("tiny", None, [f"train.epochs={n}"]).model_dump(mode="json") for n in (2, 3)
    )
    assert describe_changes(before, now) == ["train.epochs was 2, is 3"]
    now["model"]["camera"] = None
    changes = describe_changes(before, now)
    assert "model.camera was None, is None" not in changes
    assert "model.camera.channels was 32, is None" in changes


def test_unknown_preset_and_bad_files(tmp_path: Path) -> None:
    with pytest.raises(CalicoError, match=r"did you mean tiny\?"):
        load_config("tinny")
    with pytest.raises(CalicoError, match="no such file"):
        load_config("tiny", tmp_path / "none.yaml")
    (tmp_path / "list.yaml").write_text("- 1\n")
    with pytest.raises(CalicoError, match="got a list"):
        load_config("tiny", tmp_path / "list.yaml")
    (tmp_path / "broken.yaml").write_text("a: [1\n")
    with pytest.raises(CalicoError, match=r"broken\.yaml: no valid YAML, line 2"):
        load_config("tiny", tmp_path / "broken.yaml")
    (tmp_path / "two.yaml").write_text(
        "train: {epochs: 1}\ndata: {workers: 0}\ntrain: {learning_rate: 0.002}\n"
    )
    with pytest.raises(
        CalicoError, match=r"two\.yaml: no valid YAML, line 3 column 1: key 'train' appears twice"
    ):
        load_config("tiny", tmp_path / "two.yaml")
    (tmp_path / "wrong.yaml").write_text('"a\\nb": 1\n')
    with pytest.raises(CalicoError, match=r"wrong\.yaml: unknown key 'a\\nb'"):
        load_config("tiny", tmp_path / "wrong.yaml")
    (tmp_path / "number.yaml").write_text("3: 4\n")
    with pytest.raises(
        CalicoError, match=r"number\.yaml: no valid YAML, line 1 column 1: key 3 is no text"
    ):
        load_config("tiny", tmp_path / "number.yaml")
