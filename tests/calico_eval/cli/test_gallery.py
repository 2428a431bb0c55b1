"""`calico gallery`."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from calico.cli.main import cli
from calico.data.source import FrameSource
from calico.frame import Frame


@pytest.fixture(scope="module")
def frame(street: FrameSource) -> Frame:
    return street[1]


def test_the_command(tmp_path: Path, street: FrameSource) -> None:
    sim = (
        "data.sim.frames_per_scene=2",
        "data.sim.val_scenes=1",
        "data.sim.image_size=[32,64]",
        f"data.cache_dir={tmp_path}",
    )
    settings = [word for text in sim for word in ("--set", text)]
    out = tmp_path / "pages" / "gallery.html"
    names = ["--corruptions", "fog,point_drop"]
    done = CliRunner().invoke(
        cli, ["gallery", *settings, *names, "--out", str(out), "--sheets", str(tmp_path / "sheets")]
    )
    assert done.exit_code == 0, done.output
    assert "0 failed effect checks" in done.output
    assert out.read_text(encoding="utf-8").count('<section id="') == 2
    assert {path.name for path in (tmp_path / "sheets").iterdir()} == {"weather.jpg", "lidar.jpg"}
    assert "nothing to write" in CliRunner().invoke(cli, ["gallery", *settings]).output
    folder = CliRunner().invoke(cli, ["gallery", *settings, *names, "--out", str(tmp_path)])
    assert (folder.exit_code, "is a directory" in folder.output) == (2, True)
    pairs = [
        "gallery",
        *settings,
        "--corruptions",
        "fog+point_drop",
        "--sheets",
        str(tmp_path / "none"),
    ]
    assert "fog+point_drop are none; use --out" in CliRunner().invoke(cli, pairs).output
    assert not (tmp_path / "none").exists()
    error = (
        CliRunner()
        .invoke(cli, ["gallery", *settings, "--frame", "2", "--out", str(out), "--overwrite"])
        .exception
    )
    assert "has 2 frames; expected 0 to 1" in str(error)
    for option, place in (("--out", out), ("--sheets", tmp_path / "sheets")):
        error = (
            CliRunner().invoke(cli, ["gallery", *settings, *names, option, str(place)]).exception
        )
        assert "is there already; --overwrite replaces it" in str(error)
    out.write_text("old")
    again = ["gallery", *settings, "--corruptions", "fog", "--out", str(out), "--overwrite"]
    assert CliRunner().invoke(cli, again, catch_exceptions=False).exit_code == 0
    assert out.read_text(encoding="utf-8").count('<section id="') == 1
