"""Map masks of a frame: an .npz file, or a folder with one picture a class."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from calico.data.folder.arrays import read_arrays
from calico.errors import CalicoError
from calico.files.images import read_image
from calico.frame import Bool
from calico.geometry.grid import Grid
from calico.taxonomy import Taxonomy

KNOWN = "known"


def read_masks(path: Path, classes: Sequence[str], grid: Grid) -> tuple[Bool, Bool | None]:
    """Read the masks of one frame as they are stored.

    Args:
        path: An .npz file with the arrays `masks` (K, Y, X) and, if wanted, `known` (Y, X), or a
            folder with CLASS.png for every class and, if wanted, known.png, in which white is yes.
        classes: The K classes.
        grid: Their grid. Row 0 is the smallest y, column 0 the smallest x.

    Returns:
        (K, Y, X) masks, and (Y, X) the cells whose map is known, or None if all are.

    Raises:
        CalicoError: A file is missing or damaged, or has another shape.
    """
    rows, columns = grid.shape
    if path.suffix == ".npz":
        arrays = read_arrays(path, {"masks": 3, KNOWN: 2}, "map")
        masks, known = arrays.get("masks"), arrays.get(KNOWN)
        expected = (len(classes), rows, columns)
        if masks is None or masks.shape != expected:
            shape = None if masks is None else masks.shape
            raise CalicoError(f"map {path}: masks of shape {shape}, expected {expected}")
        if known is not None and known.shape != (rows, columns):
            raise CalicoError(
                f"map {path}: {KNOWN} of shape {known.shape}, expected {(rows, columns)}"
            )
        return _to_bool(masks, path), None if known is None else _to_bool(known, path)
    if not path.is_dir():
        raise CalicoError(f"map {path}: expected an .npz file or a folder of pictures")
    pictures = [read_image(path / f"{one}.png", (columns, rows), "map") for one in classes]
    file = path / f"{KNOWN}.png"
    known_cells = read_image(file, (columns, rows), "map") if file.exists() else None
    return (
        np.stack([picture[..., 0] > 127 for picture in pictures]),
        None if known_cells is None else known_cells[..., 0] > 127,
    )


def encode_masks(masks: Bool, known: Bool | None) -> bytes:
    """Encode masks as an .npz file.

    Args:
        masks: (K, Y, X).
        known: (Y, X), or None if all cells are known.
    """
    arrays = {"masks": masks} if known is None else {"masks": masks, KNOWN: known}
    stream = io.BytesIO()
    np.savez_compressed(stream, allow_pickle=False, **arrays)
    return stream.getvalue()


def fit_masks(
    masks: Bool, known: Bool | None, stored: Grid, wanted: Grid
) -> tuple[Bool, Bool | None]:
    """Put masks on another grid: each cell gets what lies at its centre.

    Args:
        masks: (K, Y, X) on the stored grid.
        known: (Y, X) on the stored grid; None if all cells are known.
        stored: Grid of the files.
        wanted: Grid of the result.

    Returns:
        The masks and the known cells on the wanted grid. Cells outside the stored grid are unknown.
    """
    if stored == wanted:
        return masks, known
    rows, columns, inside = stored.locate_cells(wanted.cell_centers().reshape(-1, 2))
    rows, columns = np.where(inside, rows, 0), np.where(inside, columns, 0)
    found = masks[:, rows, columns] & inside
    sure = inside if known is None else inside & known[rows, columns]
    shape = wanted.shape
    return found.reshape(-1, *shape), None if sure.all() else sure.reshape(shape)


def sort_masks(masks: Bool, classes: Sequence[str], taxonomy: Taxonomy) -> Bool:
    """Merge the stored classes into those of a taxonomy.

    Args:
        masks: (K, Y, X) of the stored classes.
        classes: Their names.
        taxonomy: Each of its map classes is the union of the stored classes that it names.

    Returns:
        (K', Y, X) masks of the taxonomy's map classes.
    """
    merged = [
        masks[[k for k, name in enumerate(classes) if name in (one.name, *one.sources)]].any(axis=0)
        for one in taxonomy.map_classes
    ]
    return np.stack(merged)


def _to_bool(values: npt.NDArray[np.generic], path: Path) -> Bool:
    if values.dtype != np.bool_ and not np.isin(values, (0, 1)).all():
        raise CalicoError(f"map {path}: masks of {values.dtype} with other values than 0 and 1")
    return values.astype(np.bool_)
