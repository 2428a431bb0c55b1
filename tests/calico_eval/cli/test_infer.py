"""`calico infer`: what it refuses, and what it replaces."""

import json
from pathlib import Path

from click.testing import CliRunner

from calico.cli.main import cli
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
