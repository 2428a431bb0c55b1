"""infer: a submission that reads back as the predictions, and pictures of every frame."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from PIL import Image

from calico.data.source import FrameSource
from calico.data.waymo.v1.objects import read_objects
from calico.errors import CalicoError
from calico.frame import Boxes, Frame
from calico.taxonomy import WAYMO
from calico_eval.engines.user import UserEngine
from calico_eval.infer import run_inference
from calico_eval.submission import predictions_from_submission, read_submission
from calico_eval.waymo_submission import SubmissionDetails


@pytest.fixture
def engine(cluster_detector_module: ModuleType) -> UserEngine:
    return UserEngine(cluster_detector_module.build(), "cluster", ("lidar",), "abc")


def test_submission_reads_back_and_pictures_are_there(
    engine: UserEngine, street: FrameSource, tmp_path: Path
) -> None:
    steps: list[tuple[int, int]] = []
    path = run_inference(
        engine, street, tmp_path, limit=2, batch_size=1, progress=lambda *step: steps.append(step)
    )
    assert steps == [(1, 2), (2, 2)]
    found = read_submission(path)
    assert list(found) == ["street0-0", "street0-1"]
    for index in (0, 1):
        frame = street[index]
        direct = engine.predict([frame])[0]
        again = predictions_from_submission(found[frame.token], frame)
        assert len(direct.boxes) > 3
        order = np.argsort(-direct.scores, kind="stable")  # a submission has the surest box first
        assert np.allclose(again.boxes[:, :6], direct.boxes[order, :6], atol=1e-4)
        assert np.allclose(again.scores, direct.scores[order], atol=1e-6)
        for kind in ("bev", "cameras"):
            assert (
                np.asarray(Image.open(tmp_path / "pictures" / f"{frame.token}-{kind}.png")).std()
                > 10
            )


def test_no_pictures_when_not_wanted(
    engine: UserEngine, street: FrameSource, tmp_path: Path
) -> None:
    run_inference(engine, street, tmp_path / "out", limit=1, pictures=False)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["submission.json"]


def test_no_frames_is_an_error(engine: UserEngine, street: FrameSource, tmp_path: Path) -> None:
    with pytest.raises(CalicoError, match=r"no frames to run on \(limit 0, 6 frames\)"):
        run_inference(engine, street, tmp_path, limit=0)


class WaymoStreet:
    """The street, in Waymo's classes and without objects."""

    name, taxonomy, map_grid, cameras = "segments", WAYMO, None, ()

    def __init__(self, street: FrameSource) -> None:
        self.street = street

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> Frame:
        frame = self.street[index].replace(taxonomy=WAYMO, boxes=Boxes.empty(), map_masks=None)
        return frame.replace(token=f"s_{index}", scene="s")


class Says:
    """A user's model that always answers one pedestrian."""

    def predict(self, frames: list[Frame]) -> list[dict[str, Any]]:
        boxes = [[10.0, -1.0, -1.0, 0.6, 0.7, 1.7, 0.5]]
        return [{"boxes": boxes, "scores": [0.5], "labels": [1]} for _ in frames]


def test_predictions_in_the_formats_of_waymo(street: FrameSource, tmp_path: Path) -> None:
    source: Any = WaymoStreet(street)
    engine = UserEngine(Says(), "says", ("lidar",), "abc")
    path = run_inference(engine, source, tmp_path / "a", pictures=False, form="waymo")
    assert path == tmp_path / "a" / "objects.bin"
    found = read_objects(path)
    assert found.labels.types.tolist() == [2, 2]
    assert found.timestamps_us.tolist() == [0, 1]
    place = street[0].ego_T_lidar @ [10, -1, -1, 1]
    np.testing.assert_allclose(found.labels.boxes[0, :3], place[:3], atol=1e-6)
    details = SubmissionDetails("a@b.c", "says", ("A",), "LIDAR_ALL")
    path = run_inference(
        engine, source, tmp_path / "b", pictures=False, form="waymo", details=details
    )
    assert [one.name for one in path.parent.iterdir()] == ["submission.bin"]
    assert b"a@b.c" in path.read_bytes()


def test_classes_that_waymo_does_not_have_are_refused_before_a_frame(
    engine: UserEngine, street: FrameSource, tmp_path: Path
) -> None:
    with pytest.raises(CalicoError, match="a Waymo submission holds the classes vehicle, "):
        run_inference(engine, street, tmp_path / "out", form="waymo")
    assert not (tmp_path / "out").exists()
