"""Pictures of the run folder as data URIs, clean beside corrupted of the same frame."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from calico.files import FileError, read_bytes
from calico.files.images import decode_image
from reports import formatting
from reports.schema import Picture, Results

MAX_BYTES_ONE = 300_000
MAX_BYTES_ALL = 4_500_000
MAX_BYTES_READ = 64 * 1024 * 1024
_SUBJECT = "picture"
_PNG = b"\x89PNG"
SIDES_PX = (1600, 1200, 800, 400)


@dataclass(frozen=True)
class Shown:
    """One picture of the gallery. `problem` says why there is no image."""

    caption: str
    label: str
    clean: bool
    uri: str
    width: int
    height: int
    problem: str


@dataclass(frozen=True)
class Frame:
    """All pictures of one frame, the clean ones first."""

    token: str
    pictures: tuple[Shown, ...]


def load_gallery(results: Results, run_dir: Path) -> tuple[Frame, ...]:
    """Load the frames in the order of the file.

    A picture that is missing, broken, outside the folder or too much is named, not dropped.

    Args:
        results: The run.
        run_dir: Folder that the paths are relative to.
    """
    by_token: dict[str, list[Picture]] = {}
    for picture in results.pictures:
        by_token.setdefault(picture.token, []).append(picture)
    used = 0
    frames = []
    for token, pictures in by_token.items():
        shown = []
        for picture in sorted(pictures, key=lambda p: p.condition.kind != "clean"):
            entry = _load(picture, run_dir, MAX_BYTES_ALL - used)
            used += len(entry.uri)
            shown.append(entry)
        frames.append(Frame(token, tuple(shown)))
    return tuple(frames)


def _load(picture: Picture, run_dir: Path, room: int) -> Shown:
    label = formatting.format_condition(picture.condition)
    clean = picture.condition.kind == "clean"
    try:
        data, kind, width, height = _encoded(_inside(run_dir, picture.path))
    except (OSError, ValueError) as error:
        return Shown(picture.caption, label, clean, "", 0, 0, f"{picture.path}: {_reason(error)}")
    uri = f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}"
    if len(uri) > room:
        return Shown(
            picture.caption,
            label,
            clean,
            "",
            0,
            0,
            f"{picture.path}: left out, the gallery is full",
        )
    return Shown(picture.caption, label, clean, uri, width, height, "")


def _inside(run_dir: Path, relative: str) -> Path:
    path = (run_dir / relative).resolve()
    if not path.is_relative_to(run_dir.resolve()):
        raise ValueError("outside the run folder")
    return path


def _encoded(path: Path) -> tuple[bytes, str, int, int]:
    """Return the file as it is where small enough, else scaled down and coded as JPEG."""
    try:
        data = read_bytes(path, MAX_BYTES_READ)
    except FileError as error:  # without the machine's path
        raise ValueError(str(error).removeprefix(f"file {path}: ")) from None
    pixels = decode_image(data, _SUBJECT)
    if len(data) <= MAX_BYTES_ONE:
        return data, "png" if data.startswith(_PNG) else "jpeg", pixels.shape[1], pixels.shape[0]
    small = Image.fromarray(pixels)
    for side in SIDES_PX:
        small.thumbnail((side, side))
        buffer = io.BytesIO()
        small.save(buffer, "JPEG", quality=82)
        if buffer.tell() <= MAX_BYTES_ONE:
            break
    return buffer.getvalue(), "jpeg", small.width, small.height


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:  # without the machine's path
        return error.strerror
    return str(error).removeprefix(f"{_SUBJECT}: ")
