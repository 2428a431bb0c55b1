"""`calico export` leaves no graph that was not compared with torch."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from calico.cli.main import cli
from calico.errors import CalicoError

SMALL = (
    "untrained",
    "--preset",
    "tiny",
    "--frames",
    "1",
    "--set",
    "data.sim.val_scenes=1",
    "--set",
    "data.sim.frames_per_scene=1",
    "--set",
    "data.sim.image_size=[32,64]",
)


@pytest.mark.parametrize("fault", ["export", "parity"])
def test_an_error_leaves_the_old_graph_and_nothing_else(
    fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def export(
        model: object, config: object, example: object, path: Path, *rest: object, **more: object
    ) -> object:
        path.write_bytes(b"half")
        if fault == "export":
            raise CalicoError("too large")
        return SimpleNamespace(file_bytes=4, operators={})

    def parity(*_: object) -> object:
        raise CalicoError("image x.jpg: damaged")

    monkeypatch.setattr("calico.export.onnx.export_onnx", export)
    monkeypatch.setattr("calico.export.parity.onnx_predict", lambda path: path)
    monkeypatch.setattr("calico.export.parity.check_parity", parity)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    file = tmp_path / "out" / "model.onnx"
    file.parent.mkdir()
    file.write_bytes(b"old")
    result = CliRunner().invoke(cli, ["export", *SMALL, "--out", str(file), "--overwrite"])
    assert str(result.exception) == ("too large" if fault == "export" else "image x.jpg: damaged")
    assert [path.name for path in file.parent.iterdir()] == ["model.onnx"]
    assert file.read_bytes() == b"old"
