"""Point files: .npz with named arrays, or .bin with float32 columns that the calibration names."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from calico.data.folder.arrays import MAX_FILE_BYTES, read_arrays
from calico.data.folder.calibration import LidarMount
from calico.errors import CalicoError
from calico.files import read_bytes
from calico.frame import Bool, Float32, Int16

ARRAYS = {"xyz": 2, "intensity": 1, "ring": 1, "dt": 1, "elongation": 1, "unlabelled": 1}
"""Arrays of an .npz file, with their numbers of dimensions. Only xyz has to be there."""
FARTHEST_M = 1e5
OLDEST_S = 1e4
FEW_POINTS = 100
MOST_RINGS = 32767
STRAY_SHARE = 0.01
"""Share of the points whose intensity may be above 1 after scaling; they are clipped."""


@dataclass(frozen=True)
class Cloud:
    """The N points of one file.

    Attributes:
        xyz: (N, 3) float32 in the frame that the calibration names [m].
        intensity: (N,) float32 0..1.
        ring: (N,) int16, -1 where the file has none.
        dt: (N,) float32 age of the points within the sweep [s].
        elongation: (N,) float32, or None.
        unlabelled: (N,) bool, or None.
    """

    xyz: Float32
    intensity: Float32
    ring: Int16
    dt: Float32
    elongation: Float32 | None = None
    unlabelled: Bool | None = None


def read_cloud(path: Path, mount: LidarMount) -> Cloud:
    """Read a point file.

    Args:
        path: A .npz or .bin file.
        mount: The LiDAR, which says what the columns of a .bin file hold and how intensities are
            scaled.

    Raises:
        CalicoError: The file is missing, damaged, or of another kind, a value is not finite, a
            point is farther than any sensor sees, rings are no whole numbers, or intensities
            have another scale.
    """
    where = f"points {path}"
    if path.suffix == ".npz":
        arrays = read_arrays(path, ARRAYS, "points")
    elif path.suffix == ".bin":
        arrays = _read_columns(path, mount.bin_columns)
    else:
        raise CalicoError(f"{where}: ends in {path.suffix!r}, expected .npz or .bin")
    xyz = arrays.get("xyz")
    if xyz is None or xyz.shape[1] != 3:
        raise CalicoError(f"{where}: expected an array xyz of shape (N, 3)")
    n = len(xyz)
    for name, values in arrays.items():
        if len(values) != n:
            raise CalicoError(f"{where}: {name} has {len(values)} values, expected {n} as xyz has")
        _check_finite(values, name, where)
    farthest = float(abs(xyz).max()) if n else 0.0
    if farthest > FARTHEST_M:
        raise CalicoError(
            f"{where}: a point is {farthest:g} m away, expected metres of at most {FARTHEST_M:g}; "
            "drop the points that stand for no return"
        )
    dt = arrays.get("dt", np.zeros(n, np.float32))
    if n and abs(dt).max() > OLDEST_S:
        raise CalicoError(f"{where}: dt is up to {abs(dt).max():g}, expected seconds")
    elongation, unlabelled = arrays.get("elongation"), arrays.get("unlabelled")
    return Cloud(
        xyz=xyz.astype(np.float32),
        intensity=_scale(arrays.get("intensity"), mount.intensity_scale, n, where),
        ring=_rings(arrays.get("ring"), n, where),
        dt=dt.astype(np.float32),
        elongation=None if elongation is None else elongation.astype(np.float32),
        unlabelled=None if unlabelled is None else unlabelled.astype(np.bool_),
    )


def encode_cloud(cloud: Cloud) -> bytes:
    """Encode points as an .npz file; arrays that say nothing are left out.

    Args:
        cloud: The points.

    Returns:
        The bytes of the file, which the points alone decide.
    """
    arrays: dict[str, npt.NDArray[np.generic]] = {"xyz": cloud.xyz, "intensity": cloud.intensity}
    if (cloud.ring >= 0).any():
        arrays["ring"] = cloud.ring
    if cloud.dt.any():
        arrays["dt"] = cloud.dt
    for name in ("elongation", "unlabelled"):
        if getattr(cloud, name) is not None:
            arrays[name] = getattr(cloud, name)
    stream = io.BytesIO()
    np.savez(stream, allow_pickle=False, **arrays)
    return stream.getvalue()


def _read_columns(path: Path, columns: tuple[str, ...]) -> dict[str, npt.NDArray[np.generic]]:
    content = read_bytes(path, MAX_FILE_BYTES, "points")
    if len(content) % (4 * len(columns)):
        raise CalicoError(
            f"points {path}: {len(content)} bytes, expected a multiple of {4 * len(columns)} "
            f"(float32 {', '.join(columns)}; bin_columns in the calibration)"
        )
    raw = np.frombuffer(content, "<f4").reshape(-1, len(columns))
    arrays: dict[str, npt.NDArray[np.generic]] = {
        name: raw[:, number]
        for number, name in enumerate(columns)
        if name not in ("x", "y", "z") and not name.startswith("_")
    }
    return {"xyz": raw[:, [columns.index(axis) for axis in "xyz"]], **arrays}


def _check_finite(values: npt.NDArray[np.generic], name: str, where: str) -> None:
    good = np.isfinite(values)
    if not good.all():
        bad = ~(good.all(axis=1) if good.ndim == 2 else good)
        raise CalicoError(
            f"{where}: {name} of {int(bad.sum())} of {len(values)} points is NaN or infinite "
            f"(first: point {int(bad.argmax())}); drop these points"
        )


def _scale(values: npt.NDArray[np.generic] | None, scale: float, n: int, where: str) -> Float32:
    if values is None:
        return np.zeros(n, np.float32)
    intensity = values.astype(np.float32)
    if scale != 1.0:
        intensity = intensity / np.float32(scale)
    if n >= FEW_POINTS and (intensity.min() < 0 or (intensity > 1).mean() > STRAY_SHARE):
        raise CalicoError(
            f"{where}: intensities from {intensity.min():g} to {intensity.max():g} after division "
            f"by {scale:g}, expected 0..1; set intensity_scale in the calibration"
        )
    clipped: Float32 = np.clip(intensity, 0.0, 1.0)
    return clipped


def _rings(values: npt.NDArray[np.generic] | None, n: int, where: str) -> Int16:
    if values is None:
        return np.full(n, -1, np.int16)
    numbers = values.astype(np.float64)
    if n and ((numbers < -1) | (numbers > MOST_RINGS) | (numbers % 1 != 0)).any():
        raise CalicoError(
            f"{where}: rings from {numbers.min():g} to {numbers.max():g}, expected whole numbers "
            f"from 0 to {MOST_RINGS}, -1 where the beam is unknown"
        )
    return numbers.astype(np.int16)
