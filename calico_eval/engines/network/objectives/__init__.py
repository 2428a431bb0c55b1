"""What an attack raises: one number per frame, larger where the model does worse, and what counts as its success."""

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
