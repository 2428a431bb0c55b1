"""Objectives: one number per frame that an attack raises, larger where the model does worse.

Their functions are called as users type them (hide, det, create, loc, flip, score, multi, feat,
seg), one word or not.
"""

from calico_eval.engines.network.objectives.cells import (
    class_logits,
    class_names,
    flat_logits,
    frame_of,
    hide_targets,
)
from calico_eval.engines.network.objectives.choice import (
    check_model,
    choose_objective,
    usual_objective,
)
from calico_eval.engines.network.objectives.detection import create, det, hide
from calico_eval.engines.network.objectives.scene import Scene
from calico_eval.engines.network.objectives.table import OBJECTIVES, Objective

__all__ = [
    "OBJECTIVES",
    "Objective",
    "Scene",
    "check_model",
    "choose_objective",
    "class_logits",
    "class_names",
    "create",
    "det",
    "flat_logits",
    "frame_of",
    "hide",
    "hide_targets",
    "usual_objective",
]
