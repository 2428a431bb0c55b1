"""Per-frame sufficient statistics, and their file: frames.parquet of a run.

Every metric and every interval is computed from these, never from averages of per-frame metrics.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from calico.config.taxonomy import describe_taxonomy, read_taxonomy
from calico.errors import CalicoError
from calico.extras import require_extra
from calico.files import (
    SEAL_PLACEHOLDER,
    check_seal,
    parse_json,
    read_bytes,
    seal,
    to_json,
    write_atomic,
)
from calico.frame import Frame, Int64
from calico.predictions import Predictions
from calico.taxonomy import NUSCENES, Taxonomy
from calico_eval.metrics.matching import (
    DISTANCES_M,
    TP_DISTANCE_M,
    TP_ERRORS,
    DetectionStats,
    match_frames,
)
from calico_eval.metrics.segmentation import THRESHOLDS, SegmentationStats, segmentation_stats
from calico_eval.metrics.waymo.columns import LAYOUT, from_row, list_columns, to_rows
from calico_eval.metrics.waymo.counts import WaymoCounts
from calico_eval.metrics.waymo.frames import count_frame, count_frame_tolerantly

_TAXONOMY = "calico.taxonomy"
"""Key of the metadata; files without it are nuScenes'."""
_COLUMNS = {
    "token": "string",
    "scene": "string",
    "labels": "int8",
    "scores": "float32",
    "tp": "int8",
    "errors": "float64",
    "n_gt": "int64",
    "map_tp": "int64",
    "map_fp": "int64",
    "map_fn": "int64",
}
"""Column to the type of its values; all but the first two are lists."""
_LISTS = tuple(_COLUMNS)[2:]
_WAYMO, _TOLERANT = "waymo", "let"
"""Start of the names of further columns, of taxonomies with Waymo's scoring."""
_WEIGHTS = {_WAYMO: 1, _TOLERANT: 2}
_WAYMO_LAYOUT = "calico.waymo_layout"
_BITS: Int64 = 1 << np.arange(len(DISTANCES_M))
_TP_COLUMN = DISTANCES_M.index(TP_DISTANCE_M)
MAX_BYTES = 2 << 30
_NO_CELLS: Int64 = np.zeros(0, np.int64)


@dataclass(frozen=True)
class FrameStats:
    """The statistics of one frame in one cell.

    Attributes:
        token: Token of the frame.
        scene: Scene of the frame.
        detection: Matched predictions.
        segmentation: Counted map cells; None if the frame has no map masks or the model no map.
        waymo: Counts of Waymo's metrics. None if the taxonomy is not scored so.
        tolerant: Counts of LET-3D-AP. None without Waymo's scoring, or if the frame does not know
            where the cameras saw its objects.
    """

    token: str
    scene: str
    detection: DetectionStats
    segmentation: SegmentationStats | None = None
    waymo: WaymoCounts | None = None
    tolerant: WaymoCounts | None = None


def compute_frame_stats(
    frame: Frame, predictions: Predictions, ranges: Mapping[str, float]
) -> FrameStats:
    """Compute the statistics of one frame.

    Args:
        frame: Frame with ground truth.
        predictions: Predictions of the same frame.
        ranges: Class name to range [m].

    Raises:
        CalicoError: See `detection_stats` and `segmentation_stats`.
    """
    return compute_stats([frame], [predictions], ranges)[0]


def compute_stats(
    frames: Sequence[Frame], predictions: Sequence[Predictions], ranges: Mapping[str, float]
) -> list[FrameStats]:
    """Compute the statistics of many frames, which is faster than one by one.

    Args:
        frames: Frames with ground truth.
        predictions: Predictions of the same frames, in order.
        ranges: Class name to range [m].

    Raises:
        CalicoError: See `detection_stats` and `segmentation_stats`.
    """
    detections = match_frames(frames, predictions, ranges)
    result = []
    for frame, found, detection in zip(frames, predictions, detections, strict=True):
        both = frame.map_masks is not None and found.map_probs is not None
        by_waymo = "waymo" in frame.taxonomy.scoring
        result.append(
            FrameStats(
                token=frame.token,
                scene=frame.scene,
                detection=detection,
                segmentation=segmentation_stats(frame, found) if both else None,
                waymo=count_frame(frame, found) if by_waymo else None,
                tolerant=count_frame_tolerantly(frame, found) if by_waymo else None,
            )
        )
    return result


def collect_counts(
    stats: Sequence[FrameStats],
) -> tuple[list[WaymoCounts] | None, list[WaymoCounts] | None]:
    """Collect the counts of Waymo's metrics, and those of LET-3D-AP, of all frames.

    Args:
        stats: Frames.

    Returns:
        Either is None if a frame lacks it. That of LET-3D-AP is also None without any object.
    """
    plain = [frame.waymo for frame in stats if frame.waymo is not None]
    tolerant = [frame.tolerant for frame in stats if frame.tolerant is not None]
    if not plain or len(plain) < len(stats):
        return None, None
    whole = len(tolerant) == len(stats) and any(one.n_gt.any() for one in tolerant)
    return plain, tolerant if whole else None


def save_stats(path: Path, stats: Sequence[FrameStats], cell: str = "") -> str:
    """Write the statistics of a cell as one sealed parquet file, atomically.

    A row is a frame. `tp` holds one bit per threshold of DISTANCES_M. `errors` holds only the rows
    matched at 2 m, five numbers each, null if undefined. A frame without a map has empty lists of
    cells. Waymo's counts are further columns if all frames have them.

    Args:
        path: The file; its folder is made.
        stats: One per frame.
        cell: Id of the cell of a run, which the file then carries.

    Returns:
        The file's SHA-256. The same statistics and pyarrow version give the same bytes.
    """
    pa, pq = _load_pyarrow()
    found, maps = [s.detection for s in stats], [s.segmentation for s in stats]
    columns = {
        "token": pa.array([s.token for s in stats], pa.string()),
        "scene": pa.array([s.scene for s in stats], pa.string()),
    }
    rows: dict[str, Sequence[npt.NDArray[Any]]] = {
        "labels": [d.labels for d in found],
        "scores": [d.scores for d in found],
        "tp": [d.tp @ _BITS for d in found],
        "errors": [d.errors[d.tp[:, _TP_COLUMN]].ravel() for d in found],
        "n_gt": [d.n_gt for d in found],
    }
    for name in ("tp", "fp", "fn"):
        rows[f"map_{name}"] = [_NO_CELLS if m is None else getattr(m, name).ravel() for m in maps]
    of_waymo, kinds_of_waymo = _list_rows_of_waymo(stats)
    rows |= of_waymo
    kinds_of_lists = {name: _COLUMNS[name] for name in _LISTS} | kinds_of_waymo
    columns |= {name: _lists(pa, rows[name], kind) for name, kind in kinds_of_lists.items()}
    taxonomy = found[0].taxonomy if found else NUSCENES
    about = {
        "calico.layout": _layout(taxonomy),
        "calico.cell": cell,
        "calico.sha256": SEAL_PLACEHOLDER,
    }
    if taxonomy != NUSCENES:
        about[_TAXONOMY] = to_json(describe_taxonomy(taxonomy))
    if of_waymo:
        about[_WAYMO_LAYOUT] = LAYOUT
    kinds = [pa.field(name, column.type) for name, column in columns.items()]
    stream = io.BytesIO()
    pq.write_table(
        pa.table(columns, schema=pa.schema(kinds, metadata=about)), stream, compression="zstd"
    )
    content = seal(stream.getvalue())
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, content)
    return hashlib.sha256(content).hexdigest()


def load_stats(path: Path, cell: str | None = None, sha256: str | None = None) -> list[FrameStats]:
    """Read the statistics of a cell.

    Args:
        path: A file of `save_stats`.
        cell: Id of the cell that they must be of. None accepts any.
        sha256: Hash that the file must have. None accepts any.

    Raises:
        CalicoError: The file is missing, damaged, of another layout, or of another cell.
    """
    pa, pq = _load_pyarrow()
    content = read_bytes(path, MAX_BYTES, "per-frame statistics")
    check_seal(content, f"per-frame statistics {path}")
    try:
        table = pq.ParquetFile(io.BytesIO(content)).read()
        about = table.schema.metadata or {}
        stored = about.get(_TAXONOMY.encode())
        plain = None if stored is None else parse_json(stored.decode(), f"taxonomy in {path}")
        taxonomy = read_taxonomy(plain, str(path))
        layout = _layout(taxonomy).encode()
        further = _find_further(table.schema.names)
        fits = further is not None and about.get(b"calico.layout") == layout
        if not fits or (further and about.get(_WAYMO_LAYOUT.encode()) != LAYOUT.encode()):
            raise CalicoError(
                f"{path}: not per-frame statistics of this version; run the evaluation again"
            )
        found = about.get(b"calico.cell", b"").decode(errors="replace")
        if cell not in (None, found) or sha256 not in (None, hashlib.sha256(content).hexdigest()):
            raise CalicoError(
                f"{path}: holds the statistics of another run or cell ({found}), expected cell "
                f"{cell}"
            )
        return _frames(table, taxonomy)
    except CalicoError:
        raise
    except (pa.ArrowException, OSError, ValueError, IndexError, KeyError, TypeError) as error:
        raise CalicoError(
            f"{path}: not a readable parquet file ({error}); run the evaluation again"
        ) from error


def _list_rows_of_waymo(
    stats: Sequence[FrameStats],
) -> tuple[dict[str, Sequence[npt.NDArray[Any]]], dict[str, str]]:
    """List Waymo's columns and their types; none if a frame lacks the counts."""
    rows: dict[str, Sequence[npt.NDArray[Any]]] = {}
    kinds: dict[str, str] = {}
    for prefix, counts in zip((_WAYMO, _TOLERANT), collect_counts(stats), strict=True):
        if counts is not None:
            rows |= to_rows(prefix, counts)
            kinds |= list_columns(prefix)
    return rows, kinds


def _find_further(names: Sequence[str]) -> tuple[str, ...] | None:
    """Find which of Waymo's columns follow the others; None if the columns are unknown ones."""
    choices: tuple[tuple[str, ...], ...] = ((), (_WAYMO,), (_WAYMO, _TOLERANT))
    for further in choices:
        expected = [*_COLUMNS, *(name for prefix in further for name in list_columns(prefix))]
        if list(names) == expected:
            return further
    return None


def _layout(taxonomy: Taxonomy) -> str:
    """Name what the columns of a file mean."""
    parts = (taxonomy.names, DISTANCES_M, TP_ERRORS, taxonomy.map_names, THRESHOLDS)
    return "|".join(",".join(map(str, names)) for names in parts)


def _frames(table: Any, taxonomy: Taxonomy) -> list[FrameStats]:
    tokens, scenes = table.column("token").to_pylist(), table.column("scene").to_pylist()
    lists = table.schema.names[2:]
    arrays = {name: _split(table.column(name).combine_chunks()) for name in lists}
    return [
        _frame(tokens[i], scenes[i], {name: rows[i] for name, rows in arrays.items()}, taxonomy)
        for i in range(len(tokens))
    ]


def _load_pyarrow() -> tuple[Any, Any]:
    """Import pyarrow, which the metrics themselves do without."""
    require_extra("a table of per-frame statistics (.parquet)", "train")
    import pyarrow as pa
    import pyarrow.parquet as pq

    return pa, pq


def _lists(pa: Any, rows: Sequence[npt.NDArray[Any]], kind: str) -> Any:
    """Make a list column; NaN becomes null."""
    offsets = np.concatenate([[0], np.cumsum([len(row) for row in rows], dtype=np.int64)]).astype(
        np.int32
    )
    values = np.concatenate(rows) if rows else np.zeros(0)
    return pa.ListArray.from_arrays(
        pa.array(offsets), pa.array(values, pa.type_for_alias(kind), from_pandas=True)
    )


def _split(column: Any) -> list[npt.NDArray[Any]]:
    """Split a list column into its rows; null becomes NaN."""
    return np.split(
        column.flatten().to_numpy(zero_copy_only=False), column.offsets.to_numpy()[1:-1]
    )


def _frame(
    token: str, scene: str, row: Mapping[str, npt.NDArray[Any]], taxonomy: Taxonomy
) -> FrameStats:
    tp = (row["tp"][:, None] & _BITS) != 0
    errors = np.full((len(tp), len(TP_ERRORS)), np.nan)
    errors[tp[:, _TP_COLUMN]] = row["errors"].reshape(-1, len(TP_ERRORS))
    detection = DetectionStats(
        row["labels"].astype(np.int64), row["scores"], tp, errors, row["n_gt"], taxonomy
    )
    cells = {name: row[f"map_{name}"].reshape(-1, len(THRESHOLDS)) for name in ("tp", "fp", "fn")}
    more = {
        prefix: from_row(prefix, row, weights) if f"{prefix}_cells" in row else None
        for prefix, weights in _WEIGHTS.items()
    }
    return FrameStats(
        token,
        scene,
        detection,
        SegmentationStats(**cells, taxonomy=taxonomy) if len(cells["tp"]) else None,
        more[_WAYMO],
        more[_TOLERANT],
    )
