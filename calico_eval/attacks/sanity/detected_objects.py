"""Which objects a model finds: what "hidden" means in the sanity checks."""

from __future__ import annotations

import numpy as np

from calico.frame import Bool, Frame
from calico.taxonomy import DETECTION_CLASSES
from calico_eval.engines.base import Engine
from calico_eval.engines.network.objectives import class_names
from calico_eval.engines.torch import TorchEngine

SCORE, NEAR_M = 0.1, 2.0


def targets(engine: TorchEngine, frame: Frame) -> Bool:
    """(M,) objects of the frame that can be found: with LiDAR points, on the grid, of a class that the model knows."""
    boxes = frame.boxes
    *_, inside = engine.config.grid.pillars.locate(boxes.boxes[:, :2])
    known = np.isin(
        boxes.labels, [DETECTION_CLASSES.index(name) for name in class_names(engine.config)]
    )
    result: Bool = inside & known & (boxes.num_points > 0)
    return result


def found_objects(engine: TorchEngine, frame: Frame, labelled: Frame | None = None) -> Bool:
    """(M,) objects of `targets` with a prediction of their class, of score 0.1 or more, whose centre is within 2 m.

    labelled: the frame whose objects these are, where `frame` was made from it.
    """
    truth = labelled or frame
    return targets(engine, truth) & _near(engine, frame, truth)


def _near(engine: Engine, frame: Frame, truth: Frame) -> Bool:
    found = engine.predict([frame])[0]
    distance = np.linalg.norm(found.boxes[:, None, :2] - truth.boxes.boxes[None, :, :2], axis=-1)
    same = found.labels[:, None] == truth.boxes.labels[None]
    result: Bool = ((distance <= NEAR_M) & same & (found.scores >= SCORE)[:, None]).any(axis=0)
    return result
