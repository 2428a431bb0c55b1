"""What a stage writes about itself."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from calico.config.load import load_config
from calico.config.schema import Config
from calico.data.source import FrameInfo
from calico.errors import CalicoError
from calico.frame import Frame, Int64
from calico.geometry.grid import Grid
from calico.taxonomy import NUSCENES
from calico.train.log import RunLog, _essence


@dataclass(frozen=True)
class One:
    """A source of one hand-built frame."""

    frame: Frame
    map_grid: Grid
    name: str = "hand"
    cameras: tuple[str, ...] = ("front", "back")
    taxonomy = NUSCENES

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> Frame:
        return self.frame

    def info(self, index: int) -> FrameInfo:
        return FrameInfo(self.frame.token, self.frame.scene)

    def labels(self, index: int) -> Int64:
        return self.frame.boxes.labels

    def content_hash(self) -> str:
        return "hand"


def config_of(*corruptions: str, settings: tuple[str, ...] = ()) -> Config:
    return load_config("tiny", None, list(settings), {"train.corruptions": list(corruptions)})


@pytest.fixture
def source(frame: Frame, map_grid: Grid) -> One:
    return One(frame.replace(previous=lambda: None), map_grid)


def test_a_run_is_not_resumed_with_another_suite(
    source: One, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = config_of("fog")
    RunLog(tmp_path, config, source, "finetune", [0], 5, resume=False)
    RunLog(tmp_path, config, source, "finetune", [0], 5, resume=True)
    monkeypatch.setattr("calico.train.log.SUITE_VERSION", "another")
    with pytest.raises(
        CalicoError, match="corruption_suite differ from those of the run to resume"
    ):
        RunLog(tmp_path, config, source, "finetune", [0], 5, resume=True)


def test_the_digest_is_that_of_earlier_versions() -> None:
    """Taken of commit d82f9c4, which had the setting `negatives` and no taxonomy."""
    essence = json.dumps(_essence(load_config("tiny", None, ["device=cpu"])), sort_keys=True)
    assert hashlib.sha256(essence.encode()).hexdigest() == (
        "7b51ed3fa77f7f4a9311d4184c644ebff022da776b8de325021df1bb61d5738f"
    )
