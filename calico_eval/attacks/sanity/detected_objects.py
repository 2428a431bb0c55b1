"""Which objects a model detects: what "hidden" means in the sanity checks."""

from __future__ import annotations

from calico.frame import Bool, Frame
from calico_eval.engines.white_box import WhiteBoxEngine
from calico_eval.metrics.detected_objects import detect_any


def find_targets(engine: WhiteBoxEngine, frame: Frame) -> Bool:
    """Tell which objects of a frame can be detected.

    Args:
        engine: Model that is checked.
        frame: Frame with its ground truth.

    Returns:
        (M,) objects with LiDAR points, in the model's range and of a class that it knows.
    """
    result: Bool = engine.find_known(frame) & (frame.boxes.num_points > 0)
    return result


def found_objects(engine: WhiteBoxEngine, frame: Frame, labelled: Frame | None = None) -> Bool:
    """Tell which objects of `find_targets` the model detects.

    Args:
        engine: Model that is checked.
        frame: Frame that the model sees.
        labelled: Frame whose objects are counted, where `frame` was made from it.

    Returns:
        (M,) objects of `labelled` that are detected, see `metrics.detected_objects.detect_any`.
    """
    truth = labelled or frame
    return find_targets(engine, truth) & detect_any(truth, engine.predict([frame])[0])
