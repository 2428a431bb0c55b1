"""The command `calico data regions`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from click.testing import CliRunner
from PIL import Image

from calico.cli.main import cli

ROOT = Path(__file__).parents[3]


def test_the_command_draws_and_counts(tmp_path: Path) -> None:
    settings = (
        "data.sim.val_scenes=1",
        "data.sim.frames_per_scene=2",
        "data.sim.image_size=[32, 64]",
        f"data.cache_dir={tmp_path / 'sim'}",
        f"pretrain.regions.cache_dir={tmp_path / 'regions'}",
    )
    words = [word for setting in settings for word in ("--set", setting)]
    command = [
        sys.executable,
        "-m",
        "calico.cli.main",
        "data",
        "regions",
        *words,
        "--out",
        str(tmp_path / "out"),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "sim-val, 2 of 2 frames" in done.stdout
    assert "| car |" in done.stdout
    assert "are labelled objects" in done.stdout
    assert "regions: 2/2" in done.stderr
    assert sorted(file.name for file in (tmp_path / "out").glob("[!.]*")) == [
        "00000.png",
        "00001.png",
        "run.json",
    ]
    with Image.open(tmp_path / "out" / "00000.png") as picture:
        assert picture.size == (800, 840)
    assert len(list((tmp_path / "regions").iterdir())) == 2
    again = CliRunner().invoke(cli, command[3:])
    assert "out is not empty; --overwrite deletes it" in str(again.exception)
    (tmp_path / "out" / "old.png").write_bytes(b"of another run")
    again = CliRunner().invoke(
        cli, [*command[3:], "--overwrite", "--frames", "1"], catch_exceptions=False
    )
    assert again.exit_code == 0, again.output
    assert sorted(file.name for file in (tmp_path / "out").glob("[!.]*")) == [
        "00000.png",
        "run.json",
    ]
