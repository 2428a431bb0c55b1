import json
import os
import random
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save, save_file

from calico.config.load import load_config
from calico.errors import CalicoError
from calico.files import SEAL_PLACEHOLDER, seal
from calico.models.calico import build_model
from calico.train.checkpoint import (
    FORMAT,
    METADATA_KEY,
    load_model,
    load_weights,
    read_model_config,
    save_model,
    save_weights,
)
from calico.train.done import mark_done
from tests.mini import LIDAR_ONLY

MINI = [*LIDAR_ONLY, "data.cache_dir=somewhere"]


def card(config: dict[str, Any]) -> dict[str, str]:
    return {
        METADATA_KEY: json.dumps({"format": FORMAT, "config": config, "sha256": SEAL_PLACEHOLDER})
    }


def sealed_file(path: Path, config: dict[str, Any]) -> None:
    path.write_bytes(seal(save({"a": torch.zeros(1)}, card(config))))


def test_round_trip_keeps_weights_and_hides_paths(tmp_path: Path) -> None:
    config = load_config("tiny", None, MINI)
    model = build_model(config, seed=1)
    digest = save_model(tmp_path / "model.safetensors", model, config)
    loaded, portable = load_model(tmp_path)
    assert portable.data.cache_dir is None
    assert portable.model == config.model
    assert not loaded.training
    for name, value in model.state_dict().items():
        assert torch.equal(value, loaded.state_dict()[name]), name
    assert save_model(tmp_path / "again.safetensors", loaded, config) == digest


def test_foreign_and_broken_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(CalicoError, match="not found"):
        load_model(tmp_path)
    (tmp_path / "text.safetensors").write_text("hello")
    with pytest.raises(CalicoError, match="not a safetensors file"):
        read_model_config(tmp_path / "text.safetensors")
    save_file({"a": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(CalicoError, match=f"expected '{FORMAT}'"):
        read_model_config(tmp_path / "other.safetensors")
    sealed_file(tmp_path / "odd.safetensors", {"colour": 1})
    with pytest.raises(CalicoError, match="does not fit this version"):
        read_model_config(tmp_path / "odd.safetensors")
    config = load_config("tiny", None, MINI).model_dump(mode="json")
    sealed_file(tmp_path / "wrong.safetensors", config)
    with pytest.raises(CalicoError, match="do not fit the architecture"):
        load_model(tmp_path / "wrong.safetensors")


def test_an_unfinished_training_is_not_taken_for_a_model(tmp_path: Path) -> None:
    before, stage = tmp_path / "prc", tmp_path / "finetune"
    for folder in (before, stage):
        folder.mkdir()
        (folder / "run.json").write_text("{}")
    with pytest.raises(CalicoError, match="not found"):
        load_model(tmp_path)  # folders of something else
    (before / "log.jsonl").write_text("")
    with pytest.raises(
        CalicoError, match="without a fine-tuned model; go on with calico train --resume"
    ):
        load_model(tmp_path)
    config = load_config("tiny", None, MINI)
    for folder in (tmp_path, stage):
        save_model(folder / "model.safetensors", build_model(config, seed=1), config)
    load_model(stage)
    (stage / "log.jsonl").write_text("")
    for folder in (tmp_path, stage):  # the model of the run is of an earlier fine-tuning
        with pytest.raises(CalicoError, match="has not come to its end"):
            load_model(folder)
    load_model(stage / "model.safetensors")
    mark_done(stage, "finetune", 3)
    for folder in (tmp_path, stage):
        load_model(folder)
    save_model(tmp_path / "model.safetensors", build_model(config, seed=2), config)
    with pytest.raises(
        CalicoError, match=r"is not the model that the training in .*finetune ended with; go on"
    ):
        load_model(tmp_path)
    load_model(tmp_path / "model.safetensors")
    (stage / "done").write_text('{"steps": 3}')  # of an earlier version
    with pytest.raises(
        CalicoError, match=r"done: carries no checksum.*--stage finetune --overwrite"
    ):
        load_model(stage)


def test_no_damaged_model_is_loaded(tmp_path: Path) -> None:
    config = load_config("tiny", None, MINI)
    file = tmp_path / "model.safetensors"
    save_model(file, build_model(config, seed=1), config)
    content = file.read_bytes()
    rng = random.Random(0)
    bits = [
        *rng.sample(range(8 * len(content)), 30),
        *rng.sample(range(8 * 4000), 30),
    ]  # the header's, too
    damaged = [
        content[: bit // 8] + bytes([content[bit // 8] ^ 1 << bit % 8]) + content[bit // 8 + 1 :]
        for bit in bits
    ]
    for changed in (*damaged, content[:-1], content[:100], content[:5], b"", content + b"x"):
        file.write_bytes(changed)
        for read in (load_model, read_model_config):
            with pytest.raises(CalicoError, match=f"model file {re.escape(str(file))}: "):
                read(file)


def test_a_model_without_a_seal_says_what_to_do(tmp_path: Path) -> None:
    config = load_config("tiny", None, MINI)
    metadata = {
        METADATA_KEY: json.dumps({"format": FORMAT, "config": config.model_dump(mode="json")})
    }
    save_file(build_model(config, seed=1).state_dict(), tmp_path / "model.safetensors", metadata)
    with pytest.raises(
        CalicoError, match=r"carries no checksum.*an earlier version wrote it; .* train it again"
    ):
        load_model(tmp_path)


def test_a_pipe_in_place_of_a_model_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "model.safetensors")
    with pytest.raises(CalicoError, match="is a pipe"):
        load_model(tmp_path)


def test_the_weights_of_a_part_are_checked_and_known_by_name(tmp_path: Path) -> None:
    file, module = tmp_path / "part.safetensors", torch.nn.Linear(3, 2)
    save_weights(file, module, "projector")
    other = torch.nn.Linear(3, 2)
    load_weights(file, other, "projector")
    assert torch.equal(module.weight, other.weight)
    with pytest.raises(CalicoError, match=r"holds 'projector' .* expected the part 'head'"):
        load_weights(file, other, "head")
    with pytest.raises(CalicoError, match="do not fit this configuration"):
        load_weights(file, torch.nn.Linear(2, 2), "projector")
    content = file.read_bytes()
    for bit in random.Random(0).sample(range(8 * len(content)), 400):
        file.write_bytes(
            content[: bit // 8]
            + bytes([content[bit // 8] ^ 1 << bit % 8])
            + content[bit // 8 + 1 :]
        )
        with pytest.raises(CalicoError, match=r"weights .*checksum"):
            load_weights(file, other, "projector")
    save_file(module.state_dict(), file)
    with pytest.raises(CalicoError, match="carries no checksum"):
        load_weights(file, other, "projector")


def test_equal_weights_give_equal_files_on_every_machine(tmp_path: Path) -> None:
    here = load_config("tiny", None, MINI)
    there = load_config(
        "tiny",
        None,
        [*MINI, "data.workers=8", "eval.batch_size=1", "device=cpu", "data.root=/data"],
    )
    model = build_model(here, seed=1)
    assert save_model(tmp_path / "here", model, here) == save_model(
        tmp_path / "there", model, there
    )
