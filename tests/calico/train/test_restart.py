from pathlib import Path

import pytest

from calico.train.restart import has_checkpoint, stopped_early

EARLY = (
    "run.json",
    "config.yaml",
    "log.jsonl",
    "prc/run.json",
    "prc/regions.png",
    "prc/tensorboard/events.out.tfevents.1.host.2.0",
    "prc/.state.pt.12-ab.tmp",
    ".lock",
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in EARLY:
        file = tmp_path / "run" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("{}")
    return tmp_path / "run"


def test_a_training_without_a_checkpoint_has_nothing_to_lose(folder: Path, tmp_path: Path) -> None:
    assert stopped_early(folder)
    assert stopped_early(folder / "prc")
    assert not has_checkpoint(folder / "prc")
    assert not stopped_early(tmp_path / "nothing")
    (folder / "run.json").unlink()
    assert not stopped_early(folder)


@pytest.mark.parametrize(
    "name",
    [
        "prc/state.pt",
        "prc/model.safetensors",
        "prc/done",
        "thesis.tex",
        "notes/run.json",
        "tensorboard/x",
    ],
)
def test_anything_else_is_something_to_lose(folder: Path, name: str) -> None:
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text("")
    assert not stopped_early(folder)
    if name.startswith("prc"):
        assert has_checkpoint(folder / "prc")


def test_a_link_is_not_followed(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "rad").mkdir()
    (folder / "rad").symlink_to(tmp_path / "rad")
    assert not stopped_early(folder)
