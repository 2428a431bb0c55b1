import random
from pathlib import Path

import pytest
from torch import nn

from calico.errors import CalicoError
from calico.files import to_sealed_json
from calico.train.checkpoint import save_weights
from calico.train.done import check_done, mark_done, read_done


@pytest.fixture
def stage(tmp_path: Path) -> Path:
    folder = tmp_path / "prc"
    folder.mkdir()
    for name in ("model", "projector"):
        save_weights(folder / f"{name}.safetensors", nn.Linear(2, 3), name)
    mark_done(folder, "prc", 12)
    return folder


def test_the_note_holds_steps_and_every_file_of_weights(stage: Path) -> None:
    done = read_done(stage)
    assert (done.stage, done.steps) == ("prc", 12)
    assert sorted(done.files) == ["model.safetensors", "projector.safetensors"]
    check_done(stage, "prc")


def test_no_flipped_bit_is_accepted(stage: Path) -> None:
    content = (stage / "done").read_bytes()
    for bit in random.Random(0).sample(range(8 * len(content)), 400):
        (stage / "done").write_bytes(
            content[: bit // 8]
            + bytes([content[bit // 8] ^ 1 << bit % 8])
            + content[bit // 8 + 1 :]
        )
        with pytest.raises(CalicoError, match=r"done: .*checksum.*--stage prc --overwrite"):
            check_done(stage, "prc")


def test_weights_that_are_missing_or_others_are_named(stage: Path) -> None:
    good = (stage / "projector.safetensors").read_bytes()
    save_weights(
        stage / "projector.safetensors", nn.Linear(2, 3), "projector"
    )  # sealed, of another training
    with pytest.raises(
        CalicoError, match=r"projector\.safetensors: is not the file that the training ended with"
    ):
        check_done(stage, "prc")
    (stage / "projector.safetensors").unlink()
    with pytest.raises(CalicoError, match=r"projector\.safetensors: is missing"):
        check_done(stage, "prc")
    (stage / "projector.safetensors").write_bytes(good)
    check_done(stage, "prc")
    with pytest.raises(CalicoError, match="belongs to the stage prc, expected rad"):
        check_done(stage, "rad")


def test_a_stage_with_a_damaged_file_is_not_noted_as_done(stage: Path) -> None:
    before = (stage / "done").read_bytes()
    (stage / "model.safetensors").write_bytes((stage / "model.safetensors").read_bytes()[:-1])
    with pytest.raises(CalicoError, match=r"model\.safetensors: does not match its checksum"):
        mark_done(stage, "prc", 12)
    assert (stage / "done").read_bytes() == before


@pytest.mark.parametrize(
    "content",
    [{}, {"stage": "prc", "steps": "12", "files": {}}, {"stage": 1, "steps": 1, "files": []}],
)
def test_a_sealed_file_of_something_else_is_refused(
    stage: Path, content: dict[str, object]
) -> None:
    (stage / "done").write_bytes(to_sealed_json(content))
    with pytest.raises(CalicoError, match="does not name a stage, its steps and its files"):
        check_done(stage, "prc")
