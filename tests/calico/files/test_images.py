import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from calico.files import FileError
from calico.files.images import read_image

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (6, 9, 3), dtype=np.uint8)


def save(path: Path, image: Image.Image, **options: object) -> Path:
    image.save(path, **options)  # type: ignore[arg-type]
    return path


def test_png_comes_back_and_grey_becomes_rgb(tmp_path: Path) -> None:
    file = save(tmp_path / "a.png", Image.fromarray(PIXELS))
    assert (read_image(file, (9, 6)) == PIXELS).all()
    grey = save(tmp_path / "g.png", Image.fromarray(PIXELS[..., 0]))
    assert (read_image(grey) == PIXELS[..., :1]).all()
    assert read_image(save(tmp_path / "a.jpg", Image.fromarray(PIXELS))).shape == (6, 9, 3)


@pytest.mark.parametrize("format", ["EPS", "TIFF", "GIF", "BMP", "WEBP", "PPM"])
def test_other_formats_are_refused_whatever_the_name_says(
    tmp_path: Path,
    format: str,  # noqa: A002
) -> None:
    file = save(tmp_path / "a.jpg", Image.fromarray(PIXELS), format=format)
    with pytest.raises(FileError, match="no JPEG or PNG image"):
        read_image(file)


def test_the_size_is_checked_before_a_pixel_is_decoded(tmp_path: Path) -> None:
    stream = io.BytesIO()
    Image.fromarray(PIXELS).save(stream, "PNG")
    header_only = stream.getvalue()[
        :50
    ]  # IHDR and no pixels: decoding would fail with another message
    (tmp_path / "a.png").write_bytes(header_only)
    with pytest.raises(FileError, match="image of 9 x 6 px, expected 1600 x 900"):
        read_image(tmp_path / "a.png", (1600, 900))
    with pytest.raises(FileError, match="damaged image"):
        read_image(tmp_path / "a.png", (9, 6))


def test_a_bomb_is_refused_by_its_header(tmp_path: Path) -> None:
    file = save(tmp_path / "a.png", Image.new("1", (12000, 12000)))
    with pytest.raises(FileError, match=r"12000 x 12000 px|exceeds limit"):
        read_image(file)


def test_16_bits_and_cmyk_are_refused(tmp_path: Path) -> None:
    deep = save(tmp_path / "a.png", Image.fromarray(np.full((4, 4), 40000, np.uint16)))
    with pytest.raises(FileError, match="image of mode I;16"):
        read_image(deep)
    with pytest.raises(FileError, match="image of mode CMYK"):
        read_image(save(tmp_path / "a.jpg", Image.new("CMYK", (4, 4))))


def test_an_orientation_tag_is_refused(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    file = save(tmp_path / "a.jpg", Image.fromarray(PIXELS), exif=exif)
    with pytest.raises(FileError, match="orientation tag is 6"):
        read_image(file)
    exif[0x0112] = 1
    assert read_image(save(tmp_path / "b.jpg", Image.fromarray(PIXELS), exif=exif)).shape == (
        6,
        9,
        3,
    )


def test_truncated_or_damaged_files_give_a_message(tmp_path: Path) -> None:
    stream = io.BytesIO()
    Image.fromarray(PIXELS).save(stream, "JPEG")
    content = stream.getvalue()
    for cut in range(0, len(content) - 2, 7):
        (tmp_path / "a.jpg").write_bytes(content[:cut])
        with pytest.raises(FileError, match=r"a\.jpg"):
            read_image(tmp_path / "a.jpg")
