"""The command in the report is the same wherever and however often the run was started."""

from __future__ import annotations

from pathlib import Path

import pytest

from calico.cli.words import portable_command


def test_what_decides_no_result_is_left_out() -> None:
    words = [
        "calico",
        "--traceback",
        "robust",
        "m.onnx",
        "--out",
        "runs/a",
        "--resume",
        "--seed",
        "3",
        "--out=runs/b",
        "--overwrite",
    ]
    assert portable_command(words) == "calico robust m.onnx --seed 3"


def test_absolute_paths_lose_their_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    words = [
        "/usr/bin/calico",
        "robust",
        str(tmp_path / "runs" / "m.onnx"),
        "--data-root=/data/nuscenes",
        "ours=/models/a.onnx",
        "/runs/lr=0.1/m.onnx",
        "best=/runs/lr=0.1/m.onnx",
        "--set=data.root=/data/a=b",
        "runs/lr=0.1",
    ]
    assert portable_command(
        words
    ) == "calico robust runs/m.onnx --data-root=nuscenes ours=a.onnx" + (
        " m.onnx best=m.onnx --set=data.root=a=b runs/lr=0.1"
    )
