"""The stored objects: what is chosen, what is kept, and files that cannot be trusted."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from calico.config.load import load_config
from calico.config.training import PasteConfig
from calico.data.open import open_source
from calico.data.paste import PasteObjects
from calico.data.paste_database import choose_objects, open_database
from calico.errors import CalicoError
from calico.files import FileError
from calico.frame import Frame


class Few:
    """A source of a few hand-built frames."""

    name, cameras, map_grid = "few", (), None

    def __init__(self, frames: list[Frame]) -> None:
        self.frames, self.opened = frames, 0
        self.taxonomy = frames[0].taxonomy

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, index: int) -> Frame:
        self.opened += 1
        return self.frames[index]

    def annotations(self, index: int) -> Frame:
        return self.frames[index].without_sensors()

    def content_hash(self) -> str:
        return str(len(self.frames))


@pytest.fixture
def few(frame: Frame) -> Any:
    boxes = frame.boxes
    thin = frame.replace(boxes=type(boxes)(boxes.boxes, boxes.labels, boxes.attributes,
                                           np.array([4, 40]), boxes.instances))  # fmt: skip
    return Few([frame, thin, frame.replace(token="hand-2")])


def bytes_of(objects: PasteObjects) -> list[bytes]:
    return [value.tobytes() for value in vars(objects).values()]


def test_objects_are_chosen_by_points_and_spread_over_frames(few: Any) -> None:
    assert choose_objects(few, [2, 0, 1], PasteConfig()) == [(0, (0, 1)), (1, (1,)), (2, (0, 1))]
    assert choose_objects(few, [1], PasteConfig(min_points=41)) == []
    assert choose_objects(few, [0, 2], PasteConfig(max_stored=1)) == [(0, (0, 1))]
    assert choose_objects(few, [1, 2], PasteConfig()) == [(1, (1,)), (2, (0, 1))]
    assert few.opened == 0


def test_a_database_is_made_once_and_pickled_by_its_path(few: Any, tmp_path: Path) -> None:
    config = PasteConfig(cache_dir=tmp_path / "cache")
    seen: list[tuple[int, int]] = []
    stored = open_database(few, [0, 1, 2], config, lambda done, total: seen.append((done, total)))
    assert seen == [(0, 3), (1, 3), (2, 3), (3, 3)]
    assert few.opened == 3
    objects = stored.load()
    assert objects.labels.tolist() == [0, 5, 5, 0, 5]
    assert len(objects.points) == objects.start[-1] == len(objects.ring)
    again = open_database(few, [0, 1, 2], config)
    assert few.opened == 3
    assert again == stored
    assert len(pickle.dumps(stored)) < 1000
    assert bytes_of(pickle.loads(pickle.dumps(stored)).load()) == bytes_of(objects)
    other = open_database(few, [0, 2], config)
    assert other.path != stored.path


def test_a_damaged_database_is_made_again(
    few: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = PasteConfig(cache_dir=tmp_path)
    stored = open_database(few, [0], config)
    good = stored.path.read_bytes()
    stored.path.write_bytes(good[:200] + bytes([good[200] ^ 1]) + good[201:])
    with pytest.raises(FileError, match="does not match its checksum"):
        stored.load()
    assert open_database(few, [0], config) == stored
    assert "made again" in caplog.text
    assert stored.path.read_bytes() == good


def test_a_database_of_other_frames_is_refused(few: Any, tmp_path: Path) -> None:
    config = PasteConfig(cache_dir=tmp_path)
    stored, other = open_database(few, [0], config), open_database(few, [2], config)
    stored.path.write_bytes(other.path.read_bytes())
    with pytest.raises(FileError, match="holds the objects of other frames"):
        stored.load()


def test_nothing_to_paste_is_an_error(few: Any, tmp_path: Path) -> None:
    with pytest.raises(CalicoError, match="no object of few has 1000 points"):
        open_database(few, [0], PasteConfig(cache_dir=tmp_path, min_points=1000))


def test_simulated_objects_are_stored_with_their_ground(tmp_path: Path) -> None:
    settings = [
        "data.sim.train_scenes=1",
        "data.sim.frames_per_scene=2",
        f"data.cache_dir={tmp_path}",
    ]
    source = open_source(load_config("tiny", None, settings), "train")
    objects = open_database(source, [0, 1], PasteConfig(cache_dir=tmp_path)).load()
    known = np.isfinite(objects.above_ground)
    assert known.mean() > 0.8
    assert np.abs(np.median(objects.above_ground[known])) < 0.3  # objects stand on the street
