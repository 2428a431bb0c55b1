"""infer: a submission that reads back as the predictions, and pictures of every frame."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from calico.data.source import FrameSource
from calico.errors import CalicoError
from calico_eval.engines.user import UserEngine
from calico_eval.infer import run_inference
from calico_eval.submission import predictions_from_submission, read_submission


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
