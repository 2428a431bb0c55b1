"""`calico corrupt`, from the command to the score of predictions that were made on its copies."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from calico.cli.main import cli
from calico.errors import CalicoError
from corruptions import CorruptionError

ROOT = Path(__file__).parents[3]


def run(*words: str) -> str:
    done = CliRunner().invoke(cli, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_from_copies_to_scores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The example of docs/start/your_model.md, on two small frames."""
    monkeypatch.chdir(ROOT)
    settings = (
        "data.sim.val_scenes=1",
        "data.sim.frames_per_scene=2",
        "data.sim.image_size=[24,64]",
    )
    frames = [
        word
        for text in (*settings, f"data.cache_dir={tmp_path / 'sim'}")
        for word in ("--set", text)
    ]
    copies, predictions = tmp_path / "copies", tmp_path / "theirs"
    condition = ("--severity", "5", "--seed", "4")
    said = run(
        "corrupt",
        *frames,
        "--corruptions",
        "beam_missing",
        "--corruptions",
        "lidar_missing",
        *condition,
        "--out",
        str(copies),
    )
    assert sorted(path.name for path in copies.glob("[!.]*")) == [
        "beam_missing-5",
        "clean",
        "lidar_missing-5",
    ]
    assert f"beam_missing-5: {copies / 'beam_missing-5'}" in said
    assert f"clean: {copies / 'clean'}" in said
    predictions.mkdir()
    for copy in copies.glob("[!.]*"):
        place = ("--set", "data.source=nuscenes", "--data-root", str(copy))
        run(
            "infer",
            "examples.user_model:build",
            *place,
            "--no-pictures",
            "--out",
            str(tmp_path / copy.name),
        )
        shutil.copy(tmp_path / copy.name / "submission.json", predictions / f"{copy.name}.json")
    run(
        "robust",
        "examples.user_model:build",
        "--predictions",
        f"files={predictions}",
        *frames,
        "--corruptions",
        "beam_missing,lidar_missing",
        *condition,
        "--out",
        str(tmp_path / "run"),
    )
    results = json.loads((tmp_path / "run" / "results.json").read_text())
    cells = {
        (cell["model"], cell["condition"]["name"]): cell["metrics"] for cell in results["cells"]
    }
    model = next(name for name, _ in cells if name != "files")
    for name in ("clean", "beam_missing", "lidar_missing"):
        for metric in ("mAP", "NDS"):
            assert cells["files", name][metric]["value"] == pytest.approx(
                cells[model, name][metric]["value"], abs=1e-4
            )
    assert cells["files", "clean"]["mAP"]["value"] > cells["files", "lidar_missing"]["mAP"]["value"]


def test_predictions_without_clean_are_refused(tmp_path: Path) -> None:
    (tmp_path / "fog-3.json").write_text("{}")
    error = CliRunner().invoke(cli, ["robust", "--predictions", f"mine={tmp_path}"]).exception
    assert isinstance(error, CalicoError)
    assert f"--predictions mine={tmp_path}: no clean.json there" in str(error)


def test_unknown_names_and_severities_stop_before_anything_is_written(tmp_path: Path) -> None:
    out = ("--out", str(tmp_path / "copies"))
    error = CliRunner().invoke(cli, ["corrupt", "--corruptions", "fogg", *out]).exception
    assert isinstance(error, CorruptionError)
    assert "did you mean 'fog'?" in str(error)
    error = (
        CliRunner()
        .invoke(cli, ["corrupt", "--corruptions", "fog", "--severity", "6", *out])
        .exception
    )
    assert isinstance(error, CorruptionError)
    assert "fog: severity is 6, expected one of 1, 2, 3, 4, 5" in str(error)
    assert not (tmp_path / "copies").exists()


def test_help_shows_examples() -> None:
    text = run("corrupt", "--help")
    assert "calico corrupt --corruptions fog --severity 3 --out copies" in text
    assert "calico robust --predictions" in text


def test_of_a_suite_what_the_data_cannot_show_is_left_out(tmp_path: Path) -> None:
    settings = (
        "data.sim.val_scenes=1",
        "data.sim.frames_per_scene=1",
        "data.sim.image_size=[24,64]",
    )
    frames = [
        word
        for text in (*settings, f"data.cache_dir={tmp_path / 'sim'}")
        for word in ("--set", text)
    ]
    suite = (
        "corrupt",
        *frames,
        "--corruptions",
        "msc-bench",
        "--severity",
        "1",
        "--out",
        str(tmp_path / "copies"),
    )
    said = run(*suite)
    assert (
        "camera_stuck+lidar_stuck was left out: the data have no frame before in the scene." in said
    )
    assert not (tmp_path / "copies" / "camera_stuck+lidar_stuck-1").exists()
    error = (
        CliRunner()
        .invoke(cli, ["corrupt", *frames, "--corruptions", "camera_stuck", "--out", str(tmp_path)])
        .exception
    )
    assert (
        "corruption camera_stuck can do nothing to sim-val: the data have no frame before"
        in str(error)
    )
