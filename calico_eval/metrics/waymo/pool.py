"""The counts of many frames pooled, and AP of every class and range at both levels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from calico.errors import CalicoError
from calico.frame import Bool, Float64, Int64
from calico_eval.metrics.waymo.average_precision import compute_average_precision
from calico_eval.metrics.waymo.counts import CUTOFFS, WaymoCounts


@dataclass(frozen=True)
class WaymoPool:
    """The counts of F frames, see `WaymoCounts`.

    Attributes:
        cells: (N,) breakdown * 101 + cut-off.
        counts: (3, N) changes of tp, tp at LEVEL_1, and fp.
        weights: (W, N) changes of the sums of weights.
        frame: (N,) position of the frame.
        n_gt: (F, B, 2) objects by frame, breakdown and level.
    """

    cells: npt.NDArray[np.int32]
    counts: npt.NDArray[np.int16]
    weights: Float64
    frame: npt.NDArray[np.int32]
    n_gt: Int64

    @staticmethod
    def from_frames(stats: Sequence[WaymoCounts]) -> WaymoPool:
        """Pool frames.

        Args:
            stats: Counts of every frame.

        Raises:
            CalicoError: There are no frames, or their numbers of classes or weights differ.
        """
        shapes = {(len(one.n_gt), len(one.weights)) for one in stats}
        if len(shapes) != 1:
            raise CalicoError(
                f"Waymo metrics: got frames with (breakdowns, weights) of {sorted(shapes)}, "
                "expected one pair"
            )
        counts = [
            np.concatenate([getattr(one, name) for one in stats])
            for name in ("tp", "tp_level_1", "fp")
        ]
        return WaymoPool(
            cells=np.concatenate([one.cells for one in stats]),
            counts=np.stack(counts),
            weights=np.concatenate([one.weights for one in stats], axis=1),
            frame=np.repeat(
                np.arange(len(stats), dtype=np.int32), [len(one.cells) for one in stats]
            ),
            n_gt=np.stack([one.n_gt for one in stats]),
        )

    def compute_aps(self, kept: Bool | None = None) -> tuple[Float64, Int64]:
        """Compute AP by breakdown and level, plain and with each kind of weight.

        Args:
            kept: (F,) frames that count. None counts all.

        Returns:
            (1 + W, B, 2) AP: plain, then by weight; 0 without objects. (B, 2) numbers of objects.
        """
        n_gt: Int64 = (self.n_gt if kept is None else self.n_gt[kept]).sum(axis=0)
        totals = sum_over_cutoffs(self, kept)
        tp, tp_level_1, fp = totals[:3]
        missed = n_gt[..., None] - np.stack([tp_level_1, tp], axis=1)
        aps = [
            compute_average_precision(
                np.broadcast_to(tp[:, None], missed.shape),
                np.broadcast_to(weighted[:, None], missed.shape),
                np.broadcast_to(fp[:, None], missed.shape),
                missed,
            )
            for weighted in (tp, *totals[3:])
        ]
        return np.stack(aps), n_gt


def sum_over_cutoffs(pool: WaymoPool, kept: Bool | None = None) -> Float64:
    """Sum up the changes: the counts at every cut-off.

    Args:
        pool: Frames.
        kept: (F,) frames that count. None counts all.

    Returns:
        (3 + W, B, 101) tp, tp at LEVEL_1, fp, then the sums of weights, by rising cut-off.
    """
    chosen = slice(None) if kept is None else kept[pool.frame]
    cells, breakdowns = pool.cells[chosen], pool.n_gt.shape[1]
    size = breakdowns * len(CUTOFFS)
    sums = [
        np.bincount(cells, row[chosen], minlength=size) for row in (*pool.counts, *pool.weights)
    ]
    changes = np.stack(sums).astype(np.float64).reshape(-1, breakdowns, len(CUTOFFS))
    result: Float64 = changes[..., ::-1].cumsum(axis=-1)[..., ::-1]
    return result
