"""Predictions of another stack, made on corrupted copies, score as the model itself would."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest

from calico.data.source import FrameSource
from calico.errors import CalicoError
from calico_eval.attacks import AttackSpec, Threat
from calico_eval.engines.open import open_engine
from calico_eval.engines.predictions import PredictionFiles
from calico_eval.engines.torch import TorchEngine
from calico_eval.engines.user import UserEngine
from calico_eval.metrics.nuscenes import class_ranges
from calico_eval.submission import write_submission
from corruptions import corrupt
from tests.calico_eval.evaluations import plan_for, run_for

SEED = 3


FRAMES = (0, 1, 3)


@pytest.fixture
def model(cluster_detector_module: ModuleType) -> UserEngine:
    return UserEngine(cluster_detector_module.build(), "cluster", ("lidar",), "abc")


@pytest.fixture
def folder(model: UserEngine, street: FrameSource, tmp_path: Path) -> Path:
    """What a user's own stack would leave: a submission for the clean frames and one for
    beam_missing at severity 5."""
    clean = [street[index] for index in FRAMES]
    copies = [corrupt(frame, "beam_missing", 5, SEED) for frame in clean]
    for name, frames in (("clean", clean), ("beam_missing-5", copies)):
        write_submission(
            tmp_path / "stack" / f"{name}.json",
            zip(frames, model.predict(frames), strict=True),
            ["lidar"],
        )
    return tmp_path / "stack"


def test_files_score_as_the_model_does(
    model: UserEngine, folder: Path, street: FrameSource, tmp_path: Path
) -> None:
    files = open_engine(f"theirs={folder}")
    assert isinstance(files, PredictionFiles)
    assert (files.name, files.model_name, files.sensors) == ("files", "theirs", ("lidar",))
    engines = [model, files]
    plan = plan_for(
        engines,
        street,
        ranges=class_ranges(),
        corruptions=("beam_missing",),
        severities=(5,),
        indices=FRAMES,
        seed=SEED,
    )
    results = run_for(plan, engines, street, tmp_path / "run", title="t")
    cells = {(cell.model, cell.condition.name): cell for cell in results.cells}
    for condition in ("clean", "beam_missing"):
        ours, theirs = (
            cells[name, condition].metrics["mAP"].value for name in ("cluster", "theirs")
        )
        assert (ours or 0) > 0.01
        assert theirs == pytest.approx(ours)
    assert cells["theirs", "clean"].metrics["mAP"] != cells["theirs", "beam_missing"].metrics["mAP"]
    assert cells["cluster", "beam_missing"].effect is not None
    assert cells["theirs", "beam_missing"].effect is None, (
        "nobody has seen the frames that it was made on"
    )
    assert "predictions made elsewhere" in results.models[1].description


def test_a_copy_of_clean_is_warned_of(folder: Path, street: FrameSource, tmp_path: Path) -> None:
    (folder / "fog-3.json").write_bytes((folder / "clean.json").read_bytes())
    files = open_engine(str(folder))
    said: list[str] = []
    for name, severity in (("beam_missing", 5), ("fog", 3)):
        plan = plan_for(
            [files],
            street,
            ranges=class_ranges(),
            corruptions=(name,),
            severities=(severity,),
            indices=FRAMES,
        )
        run_for(plan, [files], street, tmp_path / name, title="t", pictures=False, warn=said.append)
    assert len(said) == 1
    assert said[0].startswith(f"predictions {folder}: fog-3.json is byte for byte clean.json")


def test_a_condition_without_a_file_stops_before_the_run(folder: Path, street: FrameSource) -> None:
    message = r"stack: no fog-1\.json; there are beam_missing-5\.json, clean\.json"
    with pytest.raises(CalicoError, match=message):
        plan_for(
            [open_engine(str(folder))],
            street,
            ranges=class_ranges(),
            corruptions=("fog",),
            severities=(1,),
        )


def test_files_cannot_be_attacked(
    folder: Path, street: FrameSource, small_engine: TorchEngine
) -> None:
    files, attacks = open_engine(str(folder)), (AttackSpec("pgd", Threat(range_m=0.1)),)
    with pytest.raises(
        CalicoError, match="stack is a folder of predictions; attacked frames need a model"
    ):
        plan_for([files], street, ranges=class_ranges(), attacks=attacks)
    plan = plan_for([files, small_engine], street, ranges=class_ranges(), attacks=attacks)
    assert [job.engine for job in plan.jobs if job.attack] == ["small/torch-cpu"]
    assert "stack is a folder of predictions" in plan.notes[0]
