"""Attacked frames on disk: what is written is read back, and files that are something else are
refused."""

from __future__ import annotations

import json
import pickle
import random
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from calico.errors import CalicoError
from calico.files import seal_zip
from calico.frame import Frame
from calico_eval.attacks import (
    AttackDetails,
    AttackedFrame,
    AttackSpec,
    Threat,
    attack_frame,
    measure_budget,
)
from calico_eval.attacks.budget.saved import (
    check_saved,
    file_name,
    frame_sha256,
    load_attacked,
    save_attacked,
)
from calico_eval.engines.user import UserEngine

SPEC = AttackSpec("noise", Threat(camera_levels=4, range_m=0.1))


@pytest.fixture
def attacked(frame: Frame) -> AttackedFrame:
    """The hand-built frame with noise, and a made-up course of the attack."""
    done = attack_frame(UserEngine(object(), "mine", ("camera", "lidar"), "0"), frame, SPEC, 0)
    return replace(
        done, details=AttackDetails("hide", "", 5, -1.0, 2.5, (-1.0, 0.3, float("inf")), 4, 2, 7)
    )


def test_what_is_written_is_read_back(
    frame: Frame, attacked: AttackedFrame, tmp_path: Path
) -> None:
    path = save_attacked(tmp_path / "new" / "folder", frame, attacked, SPEC, "abc")
    assert path == tmp_path / "new" / "folder" / file_name("hand-0")
    saved = load_attacked(path)
    about = saved.about
    assert (about.token, about.clean_sha256, about.model_sha256) == (
        "hand-0",
        frame_sha256(frame),
        "abc",
    )
    assert about.attack == asdict(SPEC)
    assert about.budget == asdict(attacked.budget)
    assert (about.objective, about.seed, about.loss_clean, about.loss_attacked) == (
        "hide",
        5,
        -1.0,
        2.5,
    )
    assert about.losses == (-1.0, 0.3, None)
    assert (about.forwards, about.backwards, about.queries) == (4, 2, 7)
    back = saved.on(frame)
    assert frame_sha256(back) == frame_sha256(attacked.frame) != frame_sha256(frame)


def test_numpy_alone_reads_a_file(frame: Frame, attacked: AttackedFrame, tmp_path: Path) -> None:
    path = save_attacked(tmp_path, frame, attacked, SPEC, "abc")
    with np.load(path, allow_pickle=False) as file:
        assert set(file.files) == {"image_0", "image_1", "points", "ring", "sweep_index", "about"}
        assert np.array_equal(file["image_1"], attacked.frame.images[1])
        assert np.array_equal(file["points"], attacked.frame.points)
        assert json.loads(file["about"].tobytes())["attack"]["threat"]["camera_levels"] == 4


def test_elongation_and_views_of_different_sizes_are_kept(frame: Frame, tmp_path: Path) -> None:
    waymo = frame.replace(
        images=(frame.images[0][:20, :30], frame.images[1]),
        elongation=np.linspace(0, 1, len(frame.points), dtype=np.float32),
    )
    done = AttackedFrame(waymo, measure_budget(waymo, waymo), AttackDetails())
    saved = load_attacked(save_attacked(tmp_path, waymo, done, SPEC, "abc"))
    assert frame_sha256(saved.on(waymo)) == frame_sha256(waymo)


def test_twice_the_same_bytes(frame: Frame, attacked: AttackedFrame, tmp_path: Path) -> None:
    one = save_attacked(tmp_path / "a", frame, attacked, SPEC, "abc")
    two = save_attacked(tmp_path / "b", frame, attacked, SPEC, "abc")
    assert one.read_bytes() == two.read_bytes()


@pytest.mark.parametrize(
    "token", ["../../etc/passwd", "/etc/passwd", "..", "", "a\\b", "C:\\x", "x" * 500, "räum"]
)
def test_a_token_is_never_a_path(token: str, frame: Frame, tmp_path: Path) -> None:
    odd = frame.replace(token=token)
    done = AttackedFrame(odd, measure_budget(odd, odd), AttackDetails())
    path = save_attacked(tmp_path / "inner", odd, done, SPEC, "abc")
    assert path.resolve().parent == (tmp_path / "inner").resolve()
    assert [file for file in tmp_path.rglob("*") if file.is_file()] == [path]
    assert len(path.name) < 100
    assert load_attacked(path).about.token == token


def test_tokens_that_read_alike_have_files_of_their_own() -> None:
    names = {file_name(token) for token in ("a/b", "a_b", "a.b", "A/b", "a/b ")}
    assert len(names) == 5


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda arrays: arrays.pop("about"), "no attacked frame"),
        (lambda arrays: arrays.pop("ring"), "holds .*; expected .*ring"),
        (lambda arrays: arrays.update(extra=np.zeros(3)), "holds extra"),
        (
            lambda arrays: arrays.update(about=np.frombuffer(b"{}", np.uint8)),
            "format None, expected 1",
        ),
        (
            lambda arrays: arrays.update(about=np.frombuffer(b"nonsense", np.uint8)),
            "no attacked frame",
        ),
        (
            lambda arrays: arrays.update(about=np.frombuffer(b'{"format": 1}', np.uint8)),
            "no attacked frame",
        ),
        (lambda arrays: arrays.update(about=np.frombuffer(b"[1]", np.uint8)), "no attacked frame"),
        (lambda arrays: arrays.update(points=np.array([{}], dtype=object)), "allow_pickle=False"),
    ],
)
def test_files_that_are_something_else_are_refused(
    change: object, message: str, frame: Frame, attacked: AttackedFrame, tmp_path: Path
) -> None:
    path = save_attacked(tmp_path, frame, attacked, SPEC, "abc")
    with np.load(path, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    change(arrays)  # type: ignore[operator]
    np.savez(path, **arrays)
    with pytest.raises(CalicoError, match="carries no checksum"):
        load_attacked(path)
    path.write_bytes(seal_zip(path.read_bytes()))
    with pytest.raises(CalicoError, match=message):
        load_attacked(path)


def test_no_file_no_archive_and_a_pickle_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CalicoError, match="no such file"):
        load_attacked(tmp_path / "none.npz")
    for content in (b"", b"hello", pickle.dumps({"points": 1}), b"PK\x03\x04broken"):
        path = tmp_path / "odd.npz"
        path.write_bytes(content)
        with pytest.raises(CalicoError, match="no attacked frame"):
            load_attacked(path)
    np.save(tmp_path / "array.npy", np.zeros(3))
    with pytest.raises(CalicoError, match="no attacked frame"):
        load_attacked(tmp_path / "array.npy")


def test_a_file_with_a_wrong_byte_anywhere_is_refused_or_read(
    frame: Frame, attacked: AttackedFrame, tmp_path: Path
) -> None:
    """The compressed data and the headers of the arrays have errors of their own (zlib.error,
    tokenize.TokenError)."""
    small = frame.replace(images=(frame.images[0][:2, :2], frame.images[1][:2, :2]))
    done = AttackedFrame(small, attacked.budget, attacked.details)
    path = save_attacked(tmp_path, small, done, SPEC, "abc")
    whole = path.read_bytes()
    refused = 0
    for place in range(0, len(whole), 17):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        try:
            load_attacked(path)
        except CalicoError:
            refused += 1
    assert refused > len(whole) / 17 / 2


def test_the_hash_of_a_frame_sees_every_field(frame: Frame) -> None:
    changed = [
        frame.replace(token="x"),
        frame.replace(timestamp_s=10.5),
        frame.replace(points=frame.points + np.float32(1e-3)),
        frame.replace(ring=frame.ring.astype(np.int32)),
        frame.replace(images=frame.images[::-1]),
        frame.replace(camera_K=frame.camera_K * 2),
        frame.replace(boxes=frame.boxes.select(np.array([0]))),
        frame.replace(boxes=replace(frame.boxes, instances=())),
        frame.replace(map_masks=None),
        frame.replace(elongation=np.zeros(len(frame.points), np.float32)),
    ]
    hashes = {frame_sha256(one) for one in [frame, *changed]}
    assert len(hashes) == 1 + len(changed)
    assert frame_sha256(
        frame.replace(points=frame.points.copy(), previous=lambda: None)
    ) == frame_sha256(frame)


def test_no_flipped_bit_is_accepted(frame: Frame, attacked: AttackedFrame, tmp_path: Path) -> None:
    path = save_attacked(tmp_path, frame, attacked, SPEC, "abc")
    content = path.read_bytes()
    for bit in random.Random(0).sample(range(8 * len(content)), 400):
        path.write_bytes(
            content[: bit // 8]
            + bytes([content[bit // 8] ^ 1 << bit % 8])
            + content[bit // 8 + 1 :]
        )
        with pytest.raises(CalicoError, match="checksum"):
            load_attacked(path)


def test_the_frames_of_an_attack_are_checked(
    frame: Frame, attacked: AttackedFrame, tmp_path: Path
) -> None:
    path = save_attacked(tmp_path, frame, attacked, SPEC, "abc")
    assert check_saved(tmp_path, ["hand-0"], SPEC, "abc") is None
    assert "no such file" in str(check_saved(tmp_path, ["hand-0", "hand-1"], SPEC, "abc"))
    assert "another attack or model" in str(check_saved(tmp_path, ["hand-0"], SPEC, "abd"))
    assert "another attack or model" in str(
        check_saved(tmp_path, ["hand-0"], replace(SPEC, steps=3), "abc")
    )
    path.rename(tmp_path / file_name("hand-1"))
    assert "it was renamed or changed" in str(check_saved(tmp_path, ["hand-1"], SPEC, "abc"))
