"""`calico infer`: what it refuses, and what it replaces."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from calico.cli.main import cli
from calico.data.waymo.v1.objects import read_objects
from calico.errors import CalicoError


def error_of(*words: str) -> str:
    error = CliRunner().invoke(cli, words).exception
    assert isinstance(error, CalicoError), error
    return str(error)


def test_infer_leaves_what_is_there_alone(tmp_path: Path) -> None:
    mine = tmp_path / "mine.txt"
    mine.write_text("mine")
    infer = ("infer", "a.b:c", "--out")
    assert "is not empty; --overwrite deletes it, or choose another --out" in error_of(
        *infer, str(tmp_path)
    )
    assert "has no run.json at all, so it is not deleted" in error_of(
        *infer, str(tmp_path), "--overwrite"
    )
    for more in ((), ("--overwrite",)):
        assert "is a file; expected a folder" in error_of(*infer, str(mine), *more)
    assert mine.read_text() == "mine"


def test_eval_and_infer_overwrite_what_they_wrote_when_told(tmp_path: Path) -> None:
    sim = ("data.sim.val_scenes=1", "data.sim.frames_per_scene=2", "data.sim.image_size=[24,64]")
    settings = [
        word for text in (*sim, f"data.cache_dir={tmp_path / 'sim'}") for word in ("--set", text)
    ]
    mine = tmp_path / "mine.json"
    mine.write_text("mine")
    for words in (
        ("eval", "examples.user_model:build", "--out", str(mine), "--overwrite"),
        ("infer", "examples.user_model:build", "--no-pictures", "--out", str(tmp_path / "out")),
    ):
        done = CliRunner().invoke(cli, [*words, *settings], catch_exceptions=False)
        assert done.exit_code == 0, done.output
    assert list(json.loads(mine.read_text())) == ["cluster/user"]
    out = tmp_path / "out"
    (out / "old.txt").write_text("of another run")
    again = (
        "infer",
        "examples.user_model:build",
        "--no-pictures",
        "--limit",
        "1",
        "--out",
        str(out),
        *settings,
    )
    assert "--overwrite deletes it" in error_of(*again)
    assert (out / "old.txt").exists()
    assert CliRunner().invoke(cli, [*again, "--overwrite"], catch_exceptions=False).exit_code == 0
    assert sorted(file.name for file in out.glob("[!.]*")) == ["run.json", "submission.json"]
    assert len(json.loads((out / "submission.json").read_text())["results"]) == 1


def test_details_need_the_format_of_waymo(tmp_path: Path) -> None:
    words = ["infer", "a.b:c", "--out", str(tmp_path / "out"), "--details", "d.yaml"]
    done = CliRunner().invoke(cli, words)
    assert done.exit_code == 2
    assert "--details needs --format waymo" in done.output
    words += ["--format", "waymo", "--set", "taxonomy=waymo"]
    assert "details d.yaml: no such file" in str(CliRunner().invoke(cli, words).exception)
    assert not (tmp_path / "out").exists()


MODEL = """
class Says:
    name, sensors, sha256 = "says", ("lidar",), "none"

    def predict(self, frames):
        box = [10.0, -1.0, -1.0, 0.6, 0.7, 1.7, 0.5]
        return [{"boxes": [box], "scores": [0.5], "labels": [2]} for _ in frames]


def build():
    return Says()
"""


def test_infer_writes_objects_for_waymos_metrics(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "says_cyclist.py").write_text(MODEL)
    monkeypatch.syspath_prepend(str(tmp_path))
    sim = ("data.sim.val_scenes=1", "data.sim.frames_per_scene=2", "data.sim.image_size=[24,64]")
    settings = (*sim, f"data.cache_dir={tmp_path / 'sim'}", "taxonomy=waymo")
    words = ["infer", "says_cyclist:build", "--no-pictures", "--format", "waymo"]
    words += [word for text in settings for word in ("--set", text)]
    done = CliRunner().invoke(cli, [*words, "--out", str(tmp_path / "out")], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    found = read_objects(tmp_path / "out" / "objects.bin")
    assert found.labels.types.tolist() == [4, 4]
    assert len(set(found.timestamps_us.tolist())) == 2
