"""What an attack by queries raises: a number from a frame's ground truth and an engine's predictions, nothing of its inside.

Every engine has its own threshold below which it returns no box, and its own most boxes. A box that is missing counts as one
at the floor: logit -KAPPA, score 0.0025, the margin of the white-box "hide". Boxes with a score below it are at the floor, too.
So a box that falls below the engine's threshold is a gain for "hide" and no more can be gained from it; an object that the
engine never reports gives a constant. Where a threshold is high the loss is a staircase: that is what a user of it sees.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from calico.errors import CalicoError
from calico.frame import Bool, Float32, Float64, Frame
from calico.predictions import Predictions
from calico_eval.metrics.detected_objects import CREATE_CELLS, KAPPA, NEAR_M

QueryLoss = Callable[[Frame, Predictions], float]
"""(clean frame with its ground truth, what the engine says of the attacked frame) -> the number that is raised."""


def hide(clean: Frame, found: Predictions) -> float:
    """-sum over objects of the logit, within -KAPPA..KAPPA, of the best box of the object's class within NEAR_M of its centre.

    Objects with at least one LiDAR point, as in the white-box "hide"; one box may serve two objects that stand close.
    """
    seen = clean.boxes.select(clean.boxes.num_points > 0)
    near = _near(seen.boxes, seen.labels, found)
    logits = np.where(near, _logits(found.scores)[None], -KAPPA)
    return -float(logits.max(axis=1, initial=-KAPPA).sum())


def create(clean: Frame, found: Predictions) -> float:
    """Mean logit of the CREATE_CELLS strongest boxes that belong to no object (of their class, within NEAR_M).

    The white-box "create" looks at all cells of the heat maps, since it asks for no labels.
    """
    alone = ~_near(clean.boxes.boxes, clean.boxes.labels, found).any(axis=0)
    strongest = np.sort(_logits(found.scores[alone]))[::-1][:CREATE_CELLS]
    return float((strongest.sum() - KAPPA * (CREATE_CELLS - len(strongest))) / CREATE_CELLS)


def map_erase(clean: Frame, found: Predictions) -> float:
    """-mean logit over the cells that the map knows and has: what is there disappears."""
    logits, there, known = _map(clean, found, "map_erase")
    return -_mean(logits, there & known)


def map_create(clean: Frame, found: Predictions) -> float:
    """Mean logit over the cells that the map knows and does not have: what is not there appears."""
    logits, there, known = _map(clean, found, "map_create")
    return _mean(logits, ~there & known)


QUERY_LOSSES: dict[str, QueryLoss] = {
    "hide": hide,
    "create": create,
    "map_erase": map_erase,
    "map_create": map_create,
}


def choose_query_loss(wanted: str, frame: Frame) -> tuple[str, str]:
    """The objective to use on this frame, and why where it is another than the wanted one (as `objectives.choose_objective`).

    Raises:
        CalicoError: the objective needs the model's inside.
    """
    check_query_objective(wanted)
    if wanted == "hide" and not bool((frame.boxes.num_points > 0).any()):
        return "create", "no object with LiDAR points: objective 'create' instead of 'hide'"
    return wanted, ""


def check_query_objective(wanted: str) -> None:
    """Raises CalicoError for an objective that needs the model's inside."""
    if wanted not in QUERY_LOSSES:
        raise CalicoError(
            f"attack objective '{wanted}' needs the inside of the model, and an attack by queries sees predictions only; "
            f"expected one of {', '.join(QUERY_LOSSES)}"
        )


def _near(boxes: Float32, labels: np.ndarray, found: Predictions) -> Bool:
    """(M objects, N boxes found): of one class, and centres within NEAR_M on the ground."""
    distance = np.linalg.norm(
        boxes[:, None, :2].astype(np.float64) - found.boxes[None, :, :2], axis=-1
    )
    near: Bool = (distance <= NEAR_M) & (labels[:, None] == found.labels[None])
    return near


def _logits(scores: Float32) -> Float64:
    """Within -KAPPA..KAPPA."""
    p = scores.astype(np.float64).clip(1e-9, 1.0 - 1e-9)
    logits: Float64 = (np.log(p) - np.log1p(-p)).clip(-KAPPA, KAPPA)
    return logits


def _map(clean: Frame, found: Predictions, what: str) -> tuple[Float64, Bool, Bool]:
    if clean.map_masks is None or found.map_probs is None:
        lacks = "the frame has no map" if clean.map_masks is None else "the engine predicts no map"
        raise CalicoError(f"attack objective '{what}', frame {clean.token}: {lacks}; expected both")
    if clean.map_masks.shape != found.map_probs.shape:
        raise CalicoError(
            f"attack objective '{what}', frame {clean.token}: the engine's map is {found.map_probs.shape}, "
            f"expected {clean.map_masks.shape} as the ground truth"
        )
    known: Bool = np.ones(clean.map_masks.shape, np.bool_)
    if clean.map_known is not None:
        known &= clean.map_known[None]
    return _logits(found.map_probs), clean.map_masks.astype(np.bool_), known


def _mean(values: Float64, where: Bool) -> float:
    return float(values[where].mean()) if where.any() else 0.0
