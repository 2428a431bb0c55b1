"""Objectives of attacks by queries, from a frame's ground truth and a model's predictions.

Every engine has its own score threshold and its own maximal number of boxes. A missing box counts
as one at the floor: logit -KAPPA, score 0.0025, the margin of the white-box "hide". Boxes with a
lower score are at the floor, too. So a box that falls below the engine's threshold is a gain for
"hide" and cannot be gained from any more, and an object that the engine never reports gives a
constant. If the threshold is high the loss is a staircase, which is what a user of the engine sees.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from calico.errors import CalicoError
from calico.frame import Bool, Float32, Float64, Frame
from calico.predictions import Predictions
from calico_eval.metrics.detected_objects import CREATE_CELLS, KAPPA, NEAR_M

QueryLoss = Callable[[Frame, Predictions], float]
"""(clean frame with its ground truth, what the engine says of the attacked frame) -> the number
that is raised."""


def hide(clean: Frame, found: Predictions) -> float:
    """Sum over objects minus the logit of the best box of the object's class within NEAR_M.

    The logit is clipped to -KAPPA..KAPPA. Objects with at least one LiDAR point count, as in the
    white-box "hide". One box may serve two objects that stand close.

    Args:
        clean: The frame with its ground truth.
        found: Predictions on the attacked frame.
    """
    seen = clean.boxes.select(clean.boxes.num_points > 0)
    near = _near(seen.boxes, seen.labels, found)
    logits = np.where(near, _logits(found.scores)[None], -KAPPA)
    return -float(logits.max(axis=1, initial=-KAPPA).sum())


def create(clean: Frame, found: Predictions) -> float:
    """Average the logits of the CREATE_CELLS strongest boxes that belong to no object.

    A box belongs to an object of its class within NEAR_M. The white-box "create" looks at all cells
    of the heat maps, because it needs no labels.

    Args:
        clean: The frame with its ground truth.
        found: Predictions on the attacked frame.
    """
    alone = ~_near(clean.boxes.boxes, clean.boxes.labels, found).any(axis=0)
    strongest = np.sort(_logits(found.scores[alone]))[::-1][:CREATE_CELLS]
    return float((strongest.sum() - KAPPA * (CREATE_CELLS - len(strongest))) / CREATE_CELLS)


def map_erase(clean: Frame, found: Predictions) -> float:
    """Average minus the logit over the cells that the map has, so that map areas disappear.

    Args:
        clean: The frame with its ground truth.
        found: Predictions on the attacked frame.
    """
    logits, there, known = _map(clean, found, "map_erase")
    return -_mean(logits, there & known)


def map_create(clean: Frame, found: Predictions) -> float:
    """Average the logit over the known cells that the map does not have, so that map areas appear.

    Args:
        clean: The frame with its ground truth.
        found: Predictions on the attacked frame.
    """
    logits, there, known = _map(clean, found, "map_create")
    return _mean(logits, ~there & known)


QUERY_LOSSES: dict[str, QueryLoss] = {
    "hide": hide,
    "create": create,
    "map_erase": map_erase,
    "map_create": map_create,
}


def choose_query_loss(wanted: str, frame: Frame) -> tuple[str, str]:
    """Choose the objective for a frame, as `choose_objective` does for attacks by gradients.

    Args:
        wanted: Name of the objective that the user asked for.
        frame: The frame with its ground truth.

    Returns:
        The name, and the reason if it differs from the wanted one (else empty).

    Raises:
        CalicoError: The objective needs the inside of the model.
    """
    check_query_objective(wanted)
    if wanted == "hide" and not bool((frame.boxes.num_points > 0).any()):
        return "create", "no object with LiDAR points: objective 'create' instead of 'hide'"
    return wanted, ""


def check_query_objective(wanted: str) -> None:
    """Raises CalicoError for an objective that needs the model's inside."""
    if wanted not in QUERY_LOSSES:
        raise CalicoError(
            f"attack objective '{wanted}' needs the inside of the model, and an attack by queries "
            "sees predictions only; "
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
            f"attack objective '{what}', frame {clean.token}: the engine's map is "
            f"{found.map_probs.shape}, expected {clean.map_masks.shape} as the ground truth"
        )
    known: Bool = np.ones(clean.map_masks.shape, np.bool_)
    if clean.map_known is not None:
        known &= clean.map_known[None]
    return _logits(found.map_probs), clean.map_masks.astype(np.bool_), known


def _mean(values: Float64, where: Bool) -> float:
    return float(values[where].mean()) if where.any() else 0.0
