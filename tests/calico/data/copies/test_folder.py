"""The folder of a copy: whole files, hashes, and completion after a kill."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from calico.data.copies.corrupted import CopyWriter
from calico.files import to_sealed_json
from corruptions.preset import Level
from tests.calico.data.copies.helpers import SEED, error_of, files_of, original


def test_a_killed_copy_goes_on_to_the_same_bytes(tiny: Path, tmp_path: Path) -> None:
    def killed(done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    CopyWriter(original(tiny), SEED).write(Level("fog+extrinsic", 4), tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        CopyWriter(original(tiny), SEED).write(
            Level("fog+extrinsic", 4), tmp_path / "cut", progress=killed
        )
    cut, whole = tmp_path / "cut" / "fog+extrinsic-4", tmp_path / "whole" / "fog+extrinsic-4"
    assert json.loads((cut / "manifest.json").read_text())["status"] == "writing"
    (cut / "samples" / "CAM_BACK" / ".CAM_BACK-1-0.png.77.tmp").write_bytes(b"half")
    (cut / "samples" / "CAM_BACK" / "CAM_BACK-0-0.png").unlink()
    first = (cut / "samples" / "CAM_BACK" / "CAM_BACK-0-2.png").stat().st_mtime_ns
    CopyWriter(original(tiny), SEED).write(Level("fog+extrinsic", 4), tmp_path / "cut")
    assert files_of(cut) == files_of(whole)
    assert (cut / "samples" / "CAM_BACK" / "CAM_BACK-0-2.png").stat().st_mtime_ns == first, (
        "a finished frame was redone"
    )
    times = {path: path.stat().st_mtime_ns for path in cut.rglob("*")}
    assert CopyWriter(original(tiny), SEED).write(Level("fog+extrinsic", 4), tmp_path / "cut") == {}
    assert times == {path: path.stat().st_mtime_ns for path in cut.rglob("*")}


def test_a_finished_copy_that_lacks_a_file_is_not_taken_for_whole(
    tiny: Path, tmp_path: Path
) -> None:
    CopyWriter(original(tiny), SEED).write(Level("beam_missing", 1), tmp_path)
    copy = tmp_path / "beam_missing-1"
    name = "samples/LIDAR_TOP/LIDAR_TOP-0-0.pcd.bin"
    (copy / name).write_bytes((copy / name).read_bytes()[:-20])
    message = error_of(
        lambda: CopyWriter(original(tiny), SEED).write(Level("beam_missing", 1), tmp_path)
    )
    assert f"holds a finished copy, but {name} was changed after it was written" in message
    (copy / name).unlink()
    message = error_of(
        lambda: CopyWriter(original(tiny), SEED).write(Level("beam_missing", 1), tmp_path)
    )
    assert f"holds a finished copy, but {name} is gone" in message
    manifest = json.loads((copy / "manifest.json").read_text())
    del manifest["files"], manifest["sha256"]
    (copy / "manifest.json").write_bytes(to_sealed_json(manifest))
    message = error_of(
        lambda: CopyWriter(original(tiny), SEED).write(Level("beam_missing", 1), tmp_path)
    )
    assert "its list of files is gone" in message
    content = (copy / "manifest.json").read_bytes()
    for bit in random.Random(0).sample(range(8 * len(content)), 20):
        changed = (
            content[: bit // 8]
            + bytes([content[bit // 8] ^ 1 << bit % 8])
            + content[bit // 8 + 1 :]
        )
        (copy / "manifest.json").write_bytes(changed)
        message = error_of(
            lambda: CopyWriter(original(tiny), SEED).write(Level("beam_missing", 1), tmp_path)
        )
        assert "checksum" in message


def test_what_a_killed_copy_left_is_checked_before_it_is_taken(
    tiny: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def killed(done: int, total: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    condition, whole = Level("fog+extrinsic", 4), tmp_path / "whole" / "fog+extrinsic-4"
    CopyWriter(original(tiny), SEED).write(condition, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        CopyWriter(original(tiny), SEED).write(condition, tmp_path / "cut", progress=killed)
    cut = tmp_path / "cut" / "fog+extrinsic-4"
    parts = sorted((cut / ".parts").iterdir())
    assert len(parts) == 3
    image = cut / "samples" / "CAM_BACK" / "CAM_BACK-0-0.png"
    content = bytearray(image.read_bytes())
    content[len(content) // 2] ^= 1  # of the same size
    image.write_bytes(content)
    parts[1].write_bytes(parts[2].read_bytes())  # another frame's, as it is
    parts[2].write_bytes(parts[2].read_bytes().replace(b"0", b"1", 1))
    CopyWriter(original(tiny), SEED).write(condition, tmp_path / "cut")
    assert files_of(cut) == files_of(whole)
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 3
    assert all(message.endswith("made again") for message in told)


def test_links_share_the_file_and_copies_do_not(tiny: Path, tmp_path: Path) -> None:
    name = "samples/LIDAR_TOP/LIDAR_TOP-0-0.pcd.bin"
    CopyWriter(original(tiny), SEED, link=True).write(Level("low_light", 1), tmp_path / "linked")
    CopyWriter(original(tiny), SEED).write(Level("low_light", 1), tmp_path / "copied")
    folders = [tmp_path / kind / "low_light-1" for kind in ("linked", "copied")]
    assert (folders[0] / name).samefile(tiny / name)
    assert not (folders[1] / name).samefile(tiny / name)
    hashes = [files_of(folder) for folder in folders]
    assert hashes[0] == hashes[1]
    assert not list((tmp_path / "linked").rglob("*.tmp"))
