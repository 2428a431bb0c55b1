"""`calico data regions`, from the command to the picture."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
from click.testing import CliRunner
from PIL import Image

from calico.cli.main import cli
from calico.draw.regions import MISSED, SEMANTIC_LESS, draw_regions
from calico.frame import Frame

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


def test_regions_are_coloured_and_missed_objects_red(frame: Frame) -> None:
    """The car's points (rows 600 to 639) are a region, the pedestrian is missed."""
    ids = np.full(len(frame.points), -1, np.int32)
    ids[600:640] = 0
    picture = draw_regions(frame, ids, np.array([0, -1]), range_m=16.0, size_px=640)[:640].astype(
        int
    )
    assert picture.shape == (640, 640, 3)

    def near(color: tuple[int, int, int]) -> np.ndarray:
        """(n, 2) x, y in metres of the pixels of about that colour."""
        rows, columns = np.nonzero(abs(picture - color).sum(axis=2) < 40)
        return np.stack([16 - rows / 20, 16 - columns / 20], axis=1)

    saturated = np.nonzero(np.ptp(picture, axis=2) > 120)
    x, y = 16 - saturated[0] / 20, 16 - saturated[1] / 20
    car = np.hypot(x - 8, y - 1) < 2.6
    walker = np.hypot(x - 4, y - 6) < 0.7
    assert car.sum() > 30
    assert (car | walker).all()
    assert np.hypot(*(near(MISSED) - [4, 6]).T).max() < 0.7
    assert len(near(SEMANTIC_LESS)) > 200
