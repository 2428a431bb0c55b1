"""Lenses of the cameras, and the images without distortion.

Frames hold pinhole images: each image is resampled once, onto a pinhole camera with the same focal
lengths and the same centre. The camera's axes turn from Waymo's (x along the optical axis, y left,
z up) to those of the project (x right, y down, z forward).

Source: the distortion model of OpenCV (radial k1, k2, k3 and tangential p1, p2), which Waymo's
calibration states. In Waymo's pixels, 0 is the left edge of the first pixel, as dataset.proto says
of `camera_projection_compressed`. In ours it is the centre. Waymo's shutter rolls; images are taken
to be those of one moment, that of the pose that the file gives with them.
"""

from __future__ import annotations

import io
from functools import lru_cache

import numpy as np
from PIL import Image, UnidentifiedImageError

from calico.data.waymo.records import CameraCalibration
from calico.errors import CalicoError
from calico.frame import Float64, UInt8

OURS_T_WAYMO: Float64 = np.array([[0.0, -1, 0, 0], [0, 0, -1, 0], [1, 0, 0, 0], [0, 0, 0, 1]])
"""Turns Waymo's camera axes into those of the project."""
REDUCTIONS = (1, 2, 4, 8)
"""How many times smaller an image can be read; the JPEG decoder averages the pixels."""
CELLS_PER_FOCAL = 64
"""Images are resampled by cells of this share of the focal length. The coordinates of their corners
are exact; between them they are interpolated, which is off by less than 0.1 px for Waymo's
lenses."""
MAX_CELLS_ACROSS = 128
MAX_SIDE_PX = 1 << 14


def distort_points(intrinsic: Float64, xy: Float64) -> Float64:
    """Move points of a pinhole image to where the lens shows them.

    Args:
        intrinsic: (9,) see `CameraCalibration`; only the distortion is used.
        xy: (..., 2) points on the plane at depth 1, to the right and down.

    Returns:
        (..., 2) points on the same plane.
    """
    k1, k2, p1, p2, k3 = (float(v) for v in intrinsic[4:9])
    x, y = xy[..., 0], xy[..., 1]
    r2 = x * x + y * y
    radial = 1 + r2 * (k1 + r2 * (k2 + r2 * k3))
    result: Float64 = np.stack(
        [
            x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x * x),
            y * radial + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y,
        ],
        axis=-1,
    )
    return result


def undistort_points(intrinsic: Float64, xy: Float64, steps: int = 30) -> Float64:
    """Invert `distort_points` by fixed-point iteration.

    It converges where the lens changes distances by less than half, as Waymo's lenses do within
    their images.

    Args:
        intrinsic: (9,) see `CameraCalibration`.
        xy: (..., 2) points where the lens shows them.
        steps: Number of iterations.

    Returns:
        (..., 2) points of the pinhole image.
    """
    found = np.array(xy, np.float64)
    for _ in range(steps):
        found += xy - distort_points(intrinsic, found)
    return found


def scale_intrinsics(calibration: CameraCalibration, reduction: int) -> Float64:
    """Build the pinhole matrix of an image that is read at a smaller size.

    Args:
        calibration: Of the camera.
        reduction: How many times smaller the image is, out of `REDUCTIONS`.

    Returns:
        (3, 3) matrix [px]; pixel (0, 0) is the centre of the top left pixel.
    """
    fu, fv, cu, cv = (float(v) for v in calibration.intrinsic[:4])
    return np.array(
        [
            [fu / reduction, 0.0, cu / reduction - 0.5],
            [0.0, fv / reduction, cv / reduction - 0.5],
            [0.0, 0.0, 1.0],
        ]
    )


def image_size(calibration: CameraCalibration, reduction: int = 1) -> tuple[int, int]:
    """Return height and width [px] of the images of a camera at a reduction."""
    return -(-calibration.height // reduction), -(-calibration.width // reduction)


def check_lens(calibration: CameraCalibration, where: str) -> None:
    """Check that the numbers of a lens can be used.

    Args:
        calibration: Of the camera.
        where: Names the camera in the message.

    Raises:
        CalicoError: A number is not finite, or a focal length is not positive.
    """
    values = calibration.intrinsic
    if not np.isfinite(values).all() or not (values[:2] > 0).all():
        listed = ", ".join(f"{value:g}" for value in values)
        raise CalicoError(
            f"{where}: the intrinsics are {listed}; expected finite f_u, f_v, c_u, c_v, k1, k2, "
            "p1, p2, k3 with focal lengths above 0"
        )


def read_pinhole_image(
    jpeg: bytes, calibration: CameraCalibration, reduction: int, where: str
) -> UInt8:
    """Decode an image and take the lens's distortion out.

    Pixels outside of what the lens shows are black.

    Args:
        jpeg: The file's bytes.
        calibration: Of the camera.
        reduction: How many times smaller the image becomes, out of `REDUCTIONS`.
        where: Names camera and frame in the message.

    Returns:
        (H, W, 3) uint8 RGB of `image_size`, for the matrix of `scale_intrinsics`.

    Raises:
        CalicoError: The bytes are no whole JPEG image of the size that the calibration states.
    """
    image = _decode(jpeg, calibration, reduction, where)
    height, width = image_size(calibration, reduction)
    if calibration.intrinsic[4:9].any():
        key = (tuple(float(v) for v in calibration.intrinsic), height, width, reduction)
        image = image.transform(
            (width, height),
            Image.Transform.MESH,
            _mesh(*key),
            Image.Resampling.BILINEAR,
        )
    return np.asarray(image)


def _decode(jpeg: bytes, calibration: CameraCalibration, reduction: int, where: str) -> Image.Image:
    expected = (calibration.width, calibration.height)
    if not 0 < max(expected) <= MAX_SIDE_PX or min(expected) < 1:
        raise CalicoError(
            f"{where}: the calibration states images of {expected[0]} x {expected[1]} pixels, "
            f"expected 1 to {MAX_SIDE_PX} a side"
        )
    try:
        image: Image.Image = Image.open(io.BytesIO(jpeg), formats=("JPEG",))
        if image.size != expected:
            raise CalicoError(
                f"{where}: the image has {image.size[0]} x {image.size[1]} pixels, expected "
                f"{expected[0]} x {expected[1]} as the calibration states"
            )
        height, width = image_size(calibration, reduction)
        # The decoder takes the largest reduction that does not fall below this size.
        image.draft("RGB", (max(expected[0] // reduction, 1), max(expected[1] // reduction, 1)))
        image = image.convert("RGB")
    except CalicoError:
        raise
    except UnidentifiedImageError:  # its text has an address in memory
        raise CalicoError(
            f"{where}: the image cannot be decoded: {len(jpeg)} bytes that are no JPEG file"
        ) from None
    except (OSError, ValueError, SyntaxError) as error:
        raise CalicoError(
            f"{where}: the image cannot be decoded ({error}); expected a whole JPEG file"
        ) from error
    return image if image.size == (width, height) else image.resize((width, height))


@lru_cache(maxsize=16)
def _mesh(
    intrinsic: tuple[float, ...], height: int, width: int, reduction: int
) -> list[tuple[tuple[int, int, int, int], tuple[float, ...]]]:
    """Cells of the pinhole image, and the corners of each in the image of the lens."""
    values = np.array(intrinsic)
    finest = max(width, height) / MAX_CELLS_ACROSS
    cell = max(int(max(values[0] / reduction / CELLS_PER_FOCAL, finest)), 1)
    columns = [*range(0, width, cell), width]
    rows = [*range(0, height, cell), height]
    v, u = np.meshgrid(rows, columns, indexing="ij")  # edges of pixels, as Waymo and Pillow count
    focal, center = values[:2], values[2:4]
    full = np.stack([u, v], axis=-1) * float(reduction)
    seen = distort_points(values, (full - center) / focal) * focal + center
    at = seen / reduction
    return [
        (
            (columns[j], rows[i], columns[j + 1], rows[i + 1]),
            (*at[i, j], *at[i + 1, j], *at[i + 1, j + 1], *at[i, j + 1]),
        )
        for i in range(len(rows) - 1)
        for j in range(len(columns) - 1)
    ]
