"""Attacked frames on disk.

One .npz per frame, which anyone can read with numpy alone and `verify` can check.

Arrays `image_0` ... `image_<V-1>` (H_v, W_v, 3) uint8, `points` (N, 5) float32, `ring` and
`sweep_index` (N,), `elongation`, `lidar_index` and `unlabelled` (N,) where the frame has them, and
`about`: a JSON text (UTF-8 bytes) with the fields of `About`. Nothing is pickled. The archive's
comment is its checksum. What an attack cannot change (calibration, boxes ...) is not stored: it
comes from the clean frame, whose hash is.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from calico.errors import CalicoError
from calico.files import (
    DAMAGED_NPZ,
    check_seal,
    is_sealed,
    parse_json,
    read_bytes,
    seal_zip,
    write_atomic,
)
from calico.frame import Boxes, Frame

if TYPE_CHECKING:
    from calico_eval.attacks.run import AttackedFrame
    from calico_eval.attacks.spec import AttackSpec

FORMAT = 1
_OPTIONAL = ("elongation", "lidar_index", "unlabelled")
MAX_BYTES = 2 << 30
"""Largest file that is read."""


@dataclass(frozen=True)
class About:
    """What is known about a saved frame besides its arrays.

    Attributes:
        token: Token of the frame.
        clean_sha256: `frame_sha256` of the frame before the attack.
        attack: The spec as a mapping, its threat under "threat".
        seed: Seed of the frame's random stream.
        model_sha256: Hash of the model that was attacked.
        budget: The measured change.
        objective, note, loss_clean, loss_attacked, losses, forwards, backwards, queries: See
            `details.AttackDetails`; a loss that is not finite is None.
        format: Version of the file's format.
    """

    token: str
    clean_sha256: str
    attack: Mapping[str, Any]
    seed: int
    model_sha256: str
    budget: Mapping[str, Any]
    objective: str | None
    note: str
    loss_clean: float | None
    loss_attacked: float | None
    losses: tuple[float | None, ...]
    forwards: int
    backwards: int
    queries: int
    format: int = FORMAT


@dataclass(frozen=True)
class SavedFrame:
    """A file's content. arrays: by name; see the module."""

    arrays: Mapping[str, npt.NDArray[Any]]
    about: About

    def on(self, clean: Frame) -> Frame:
        """Return the attacked frame: the stored sensor data instead of the clean frame's.

        Raises:
            CalicoError: The arrays do not make a frame.
        """
        views = sum(name.startswith("image_") for name in self.arrays)
        return clean.replace(
            images=tuple(self.arrays[f"image_{view}"] for view in range(views)),
            points=self.arrays["points"],
            ring=self.arrays["ring"],
            sweep_index=self.arrays["sweep_index"],
            **{name: self.arrays.get(name) for name in _OPTIONAL},
        )


def save_attacked(
    folder: Path, clean: Frame, attacked: AttackedFrame, spec: AttackSpec, model_sha256: str
) -> Path:
    """Write one attacked frame, whole or not at all. The same frame gives the same bytes.

    Args:
        folder: Folder of one attack. It is made if missing. A frame's file has the same name under
            every attack.
        clean: The frame that was attacked (under a corruption: the corrupted one).
        attacked: The attacked frame with its budget.
        spec: The attack.
        model_sha256: Hash of the model that was attacked.

    Returns:
        The file (see `file_name`).
    """
    details, frame = attacked.details, attacked.frame
    about = About(
        token=clean.token,
        clean_sha256=frame_sha256(clean),
        attack=asdict(spec),
        seed=details.seed,
        model_sha256=model_sha256,
        budget=asdict(attacked.budget),
        objective=details.objective,
        note=details.note,
        loss_clean=_finite(details.loss_clean),
        loss_attacked=_finite(details.loss_attacked),
        losses=tuple(_finite(loss) for loss in details.losses),
        forwards=details.forwards,
        backwards=details.backwards,
        queries=details.queries,
    )
    arrays: dict[str, npt.NDArray[Any]] = {
        f"image_{view}": image for view, image in enumerate(frame.images)
    }
    arrays |= {"points": frame.points, "ring": frame.ring, "sweep_index": frame.sweep_index}
    others = ((name, getattr(frame, name)) for name in _OPTIONAL)
    arrays |= {name: value for name, value in others if value is not None}
    text = json.dumps(asdict(about), sort_keys=True, allow_nan=False)
    arrays["about"] = np.frombuffer(text.encode(), np.uint8)
    content = io.BytesIO()
    np.savez_compressed(content, **arrays)  # type: ignore[arg-type]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / file_name(clean.token)
    write_atomic(path, seal_zip(content.getvalue()))
    return path


def check_saved(
    folder: Path, tokens: Sequence[str], spec: AttackSpec, model_sha256: str
) -> str | None:
    """Check the saved frames of an attack.

    Args:
        folder: Folder of the attack.
        tokens: Tokens of the frames that are expected.
        spec: The attack.
        model_sha256: Hash of the model that was attacked.

    Returns:
        A description of the first frame that is missing, damaged or another attack's, or None if
        all are sound.
    """
    wanted = json.loads(json.dumps(asdict(spec)))
    for token in tokens:
        path = folder / file_name(token)
        try:
            about = load_attacked(path).about
        except CalicoError as error:
            return str(error)
        if (about.attack, about.model_sha256) != (wanted, model_sha256):
            return f"attacked frame {path}: is of another attack or model"
    return None


def load_attacked(path: Path) -> SavedFrame:
    """Reads a file of `save_attacked`.

    Nothing in it is executed, and no name in it is used as a path.

    Raises:
        CalicoError: no such file, not one of these, or damaged.
    """
    content = read_bytes(path, MAX_BYTES, "attacked frame")
    if not is_sealed(content) and not zipfile.is_zipfile(io.BytesIO(content)):
        raise CalicoError(f"{path}: no attacked frame (not a .npz file)")
    check_seal(content, f"attacked frame {path}")
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        about = _about(parse_json(arrays.pop("about").tobytes(), f"{path}, about"))
    except DAMAGED_NPZ as error:
        raise CalicoError(f"{path}: no attacked frame ({type(error).__name__}: {error})") from error
    views = sum(name.startswith("image_") for name in arrays)
    expected = {f"image_{view}" for view in range(views)} | {"points", "ring", "sweep_index"}
    if set(arrays) - set(_OPTIONAL) != expected:
        raise CalicoError(
            f"{path}: holds {', '.join(sorted(arrays))}; expected {', '.join(sorted(expected))} "
            "and about"
        )
    if path.name != file_name(about.token):
        raise CalicoError(
            f"{path}: holds frame {about.token!r}, whose file is called {file_name(about.token)}; "
            "it was renamed or changed"
        )
    return SavedFrame(arrays, about)


def file_name(token: str) -> str:
    """The name of a frame's file.

    Letters, digits, '_' and '-' of the token, and a digest of all of it. Never a path.
    """
    readable = re.sub(r"[^A-Za-z0-9_-]+", "_", token)[:60]
    return (
        f"{readable}-{hashlib.sha256(token.encode('utf-8', 'surrogatepass')).hexdigest()[:12]}.npz"
    )


def frame_sha256(frame: Frame) -> str:
    """Hash everything in a frame but `previous`: names, dtypes, shapes and bytes.

    Fields that not every data set has are left out where they are empty, so that frames keep the
    hash of earlier versions, which did not know these fields.
    """
    digest = hashlib.sha256()
    for field in fields(Frame):
        if field.name != "previous":
            _update(digest, field.name, getattr(frame, field.name))
    return digest.hexdigest()


_ADDED_LATER = (
    "lidar_index",
    "lidar_T",
    "unlabelled",
    "conditions",
    "boxes.difficulty",
    "boxes.camera_synced",
)


def _update(digest: hashlib._Hash, name: str, value: object) -> None:
    if name in _ADDED_LATER and (value is None or (isinstance(value, Mapping) and not value)):
        return
    if isinstance(value, Boxes):
        for field in fields(Boxes):
            _update(digest, f"{name}.{field.name}", getattr(value, field.name))
    elif isinstance(value, tuple):
        digest.update(f"{name} tuple {len(value)}\n".encode())
        for index, item in enumerate(value):
            _update(digest, f"{name}[{index}]", item)
    elif isinstance(value, np.ndarray):
        array = np.ascontiguousarray(value).astype(value.dtype.newbyteorder("<"), copy=False)
        digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(array.tobytes())
    else:
        digest.update(f"{name} {value!r}\n".encode())


def _about(values: dict[str, Any]) -> About:
    """The fields as they were before JSON made lists of tuples."""
    if values.get("format") != FORMAT:
        raise ValueError(f"format {values.get('format')!r}, expected {FORMAT}")
    about = About(**values)
    wrong = [
        name
        for name, kind in (
            ("token", str),
            ("clean_sha256", str),
            ("attack", dict),
            ("budget", dict),
            ("losses", list),
        )
        if not isinstance(getattr(about, name), kind)
    ]
    if wrong:
        raise ValueError(f"{', '.join(wrong)} of another type than expected")
    lists = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in about.budget.items()
    }
    return About(**{**values, "budget": lists, "losses": tuple(about.losses)})


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
