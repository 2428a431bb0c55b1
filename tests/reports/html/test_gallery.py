import base64
import io
import os
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from reports.html import gallery as gallery_module
from reports.html.gallery import MAX_BYTES_ONE, load_gallery
from reports.schema import Condition, Picture, Results

FOG = Condition(kind="corruption", name="fog", severity=3)
CLEAN = Condition(kind="clean", name="clean")


def with_pictures(results: Results, *paths: tuple[str, Condition]) -> Results:
    pictures = tuple(
        Picture(path=path, caption="c", condition=condition, token="t") for path, condition in paths
    )
    return results.model_copy(update={"pictures": pictures})


def test_clean_stands_first_and_files_are_embedded_as_they_are(
    results: Results, tmp_path: Path
) -> None:
    Image.new("RGB", (8, 4), (1, 2, 3)).save(tmp_path / "a.png")
    Image.new("RGB", (8, 4), (200, 2, 3)).save(tmp_path / "b.jpg")
    (frame,) = load_gallery(with_pictures(results, ("b.jpg", FOG), ("a.png", CLEAN)), tmp_path)
    assert [p.clean for p in frame.pictures] == [True, False]
    head, data = frame.pictures[0].uri.split(",")
    assert head == "data:image/png;base64"
    assert base64.b64decode(data) == (tmp_path / "a.png").read_bytes()
    assert frame.pictures[1].uri.startswith("data:image/jpeg;base64,")
    assert (frame.pictures[0].width, frame.pictures[0].height) == (8, 4)


def test_a_big_picture_is_scaled_down(results: Results, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (900, 1600, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "big.png")
    (frame,) = load_gallery(with_pictures(results, ("big.png", FOG)), tmp_path)
    data = base64.b64decode(frame.pictures[0].uri.split(",")[1])
    assert Image.open(io.BytesIO(data)).size == (frame.pictures[0].width, frame.pictures[0].height)
    assert max(frame.pictures[0].width, frame.pictures[0].height) <= 1600
    assert len(data) <= MAX_BYTES_ONE


@pytest.mark.parametrize(
    ("path", "content", "problem"),
    [
        ("none.png", None, "no such file"),
        ("../out.png", None, "outside the run folder"),
        ("/etc/hostname", None, "outside the run folder"),
        ("text.png", b"no picture", "no JPEG or PNG image; other formats are not read"),
        (
            "old.jpg",
            b"%!PS-Adobe-3.0 EPSF-3.0\n",
            "no JPEG or PNG image; other formats are not read",
        ),
    ],
)
def test_problems_are_named_without_paths_of_this_machine(
    results: Results, tmp_path: Path, path: str, content: bytes | None, problem: str
) -> None:
    if content is not None:
        (tmp_path / path).write_bytes(content)
    (frame,) = load_gallery(with_pictures(results, (path, FOG)), tmp_path)
    assert frame.pictures[0].uri == ""
    assert frame.pictures[0].problem == f"{path}: {problem}"


def test_a_truncated_picture_is_a_named_problem(results: Results, tmp_path: Path) -> None:
    Image.new("RGB", (400, 400)).save(tmp_path / "cut.jpg")
    data = (tmp_path / "cut.jpg").read_bytes()
    (tmp_path / "cut.jpg").write_bytes(data[: len(data) // 2])
    (frame,) = load_gallery(with_pictures(results, ("cut.jpg", FOG)), tmp_path)
    assert "damaged image" in frame.pictures[0].problem


def test_a_pipe_in_place_of_a_picture_does_not_hang(results: Results, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    (frame,) = load_gallery(with_pictures(results, ("pipe.jpg", FOG)), tmp_path)
    assert frame.pictures[0].problem.startswith("pipe.jpg: is a pipe, a device or a socket")


def test_a_link_out_of_the_run_folder_is_not_followed(results: Results, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / "secret.png")
    (tmp_path / "run" / "a.png").symlink_to(tmp_path / "secret.png")
    (frame,) = load_gallery(with_pictures(results, ("a.png", FOG)), tmp_path / "run")
    assert frame.pictures[0].problem == "a.png: outside the run folder"


def test_a_huge_picture_is_refused_before_it_is_decoded(results: Results, tmp_path: Path) -> None:
    head = b"\x89PNG\r\n\x1a\n" + png_chunk(
        b"IHDR", (9000).to_bytes(4, "big") * 2 + b"\x08\x02\0\0\0"
    )
    (tmp_path / "huge.png").write_bytes(head + png_chunk(b"IDAT", b""))
    (frame,) = load_gallery(with_pictures(results, ("huge.png", FOG)), tmp_path)
    assert "image of 9000 x 9000 px, expected at most" in frame.pictures[0].problem


def png_chunk(name: bytes, data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + name + data + zlib.crc32(name + data).to_bytes(4, "big")


def test_a_full_gallery_names_what_it_leaves_out(
    results: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "abc":
        Image.new("RGB", (8, 8)).save(tmp_path / f"{name}.png")
    monkeypatch.setattr(gallery_module, "MAX_BYTES_ALL", 250)
    (frame,) = load_gallery(
        with_pictures(results, ("a.png", FOG), ("b.png", FOG), ("c.png", FOG)), tmp_path
    )
    assert [bool(p.uri) for p in frame.pictures] == [True, True, False]
    assert frame.pictures[2].problem == "c.png: left out, the gallery is full"
