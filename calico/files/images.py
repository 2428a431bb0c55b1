"""Pictures: allowed formats only, and their size is known before a pixel is decoded."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from calico.files.atomic import write_atomic
from calico.files.errors import FileError
from calico.files.regular import MEBIBYTE, read_bytes

FORMATS = ("JPEG", "PNG")
"""Others are refused: some of Pillow's decoders start programs (EPS) or are hardly tested."""
MAX_PIXELS = 64 * 1024 * 1024
LIMIT = 256 * MEBIBYTE
_MODES = ("RGB", "L", "P", "RGBA")
_ORIENTATION_TAG, _UPRIGHT = 0x0112, 1


def read_image(
    path: Path, expected_wh: tuple[int, int] | None = None, what: str = "image"
) -> npt.NDArray[np.uint8]:
    """Read a JPEG or PNG file as RGB.

    Args:
        path: The file.
        expected_wh: Width and height in pixels that it must have. None accepts every size.
        what: Name of the file's role for the messages.

    Returns:
        (H, W, 3) uint8.

    Raises:
        FileError: The file is missing or damaged, has another format or size than expected, has 16
            bits a channel, or carries a tag that turns it on display, which calibrations do not
            know.
    """
    return decode_image(read_bytes(path, LIMIT, what), f"{what} {path}", expected_wh)


def decode_image(
    content: bytes, where: str, expected_wh: tuple[int, int] | None = None
) -> npt.NDArray[np.uint8]:
    """Decode the content of a JPEG or PNG file, as `read_image` does.

    Args:
        content: The whole file.
        where: Name of the file for the messages.
        expected_wh: Width and height in pixels that it must have. None accepts every size.

    Returns:
        (H, W, 3) uint8 RGB.

    Raises:
        FileError: As for `read_image`.
    """
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            _check_header(image, where, expected_wh)
            return np.array(image.convert("RGB"))
    except FileError:
        raise
    except UnidentifiedImageError:
        raise FileError(
            f"{where}: no {' or '.join(FORMATS)} image; other formats are not read"
        ) from None
    except Image.DecompressionBombError as error:
        raise FileError(f"{where}: {error}") from None
    except Exception as error:
        # Pillow's decoders raise OSError, SyntaxError, ValueError, struct.error and others.
        raise FileError(
            f"{where}: damaged image ({type(error).__name__}: {error}); fetch it again"
        ) from None


def write_png(path: Path, pixels: npt.NDArray[np.uint8]) -> None:
    """Write an image as PNG, in one step.

    Args:
        path: File to write. Its folder exists.
        pixels: (H, W, 3) uint8 RGB.

    Raises:
        OSError: The system refuses. The message names the file.
    """
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    write_atomic(path, stream.getvalue())


def _check_header(image: Image.Image, where: str, expected_wh: tuple[int, int] | None) -> None:
    width, height = image.size
    if expected_wh is not None and (width, height) != tuple(expected_wh):
        raise FileError(
            f"{where}: image of {width} x {height} px, expected {expected_wh[0]} x {expected_wh[1]}"
        )
    if width * height > MAX_PIXELS:
        raise FileError(
            f"{where}: image of {width} x {height} px, expected at most {MAX_PIXELS} pixels"
        )
    if image.mode not in _MODES:
        raise FileError(
            f"{where}: image of mode {image.mode} (16 bits, CMYK or the like), expected 8 bits a "
            "channel "
            "in RGB or grey; convert it first"
        )
    orientation = image.getexif().get(_ORIENTATION_TAG, _UPRIGHT)
    if orientation != _UPRIGHT:
        raise FileError(
            f"{where}: its orientation tag is {orientation}, which turns or mirrors it on display; "
            "expected "
            "pixels as the sensor read them: apply the tag to the pixels or remove it"
        )
