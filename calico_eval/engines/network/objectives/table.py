"""Table of every objective by name. The reference pages are made from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from calico.models.calico import Outputs
from calico_eval.engines.network.objectives import detection, joint, segmentation
from calico_eval.engines.network.objectives.scene import Scene

Need = Literal["object", "free place", "map", "true cell"]


@dataclass(frozen=True)
class Objective:
    """One objective.

    Attributes:
        name: Name that users type.
        loss: Computes the (B,) numbers that are raised, from the scene and the outputs of the batch
            under attack.
        heads: Heads that it reads, of "detection" and "map".
        formula: Formula for the documentation.
        needs: What a frame must have.
        instead: Objectives for frames that lack it. The first that the frame and the model allow is
            raised.
        labels: Whether it looks at the ground truth.
    """

    name: str
    loss: Callable[[Scene, Outputs], Tensor]
    heads: tuple[str, ...]
    formula: str
    needs: tuple[Need, ...] = ()
    instead: tuple[str, ...] = ()
    labels: bool = True


_BOXES, _MAP = ("detection",), ("map",)

OBJECTIVES: dict[str, Objective] = {
    objective.name: objective
    for objective in (
        Objective(
            "hide", detection.hide, _BOXES,
            "-Σ over objects of max(max of z over cells within 2 m, -κ)",
            ("object",), ("create",),
        ),
        Objective("det", detection.det, _BOXES, "the detection part of the training loss"),
        Objective(
            "create", detection.create, _BOXES, "mean of the 20 largest logits of all heat maps",
            labels=False,
        ),
        Objective(
            "create_at", detection.create_at, _BOXES,
            "max of z of a car over cells within 1 m of a free place near 10 m ahead",
            ("free place",), ("create",),
        ),
        Objective(
            "loc", detection.loc, _BOXES,
            "Σ over objects of the L1 error of the box at its peak + min(z - z of score 0.2, 0)",
            ("object",), ("create",),
        ),
        Objective(
            "flip", detection.flip, _BOXES,
            "Σ over objects of min(max z of other classes - max(max z of its class, z of score "
            "0.2), κ)",
            ("object",), ("create",),
        ),
        Objective(
            "score", detection.score, _BOXES, "-log of the mean score of the candidate boxes",
            labels=False,
        ),
        Objective(
            "map_erase", segmentation.map_erase, _MAP, "-mean over true cells of σ(max(z, -1))",
            ("map", "true cell"), ("map_create", "feat"),
        ),
        Objective(
            "map_create", segmentation.map_create, _MAP, "mean over false cells of σ(min(z, 1))",
            ("map",), ("feat",),
        ),
        Objective("seg", segmentation.seg, _MAP, "map_erase + map_create", ("map",), ("feat",)),
        Objective(
            "multi", joint.multi, (*_BOXES, *_MAP),
            "hide and seg, each over the norm of its gradient on the clean features",
            ("object", "map"), ("hide", "seg", "feat"),
        ),
        Objective(
            "feat", joint.feat, (), "-cos(BEV features, the clean ones)", labels=False
        ),
    )
}  # fmt: skip
