"""Engines of users' own models: any Python object with `predict(frames)`.

The guide is docs/start/your_model.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from calico.errors import CalicoError
from calico.frame import Boxes, Frame
from calico.predictions import Predictions
from calico_eval.engines.answers import AnswerCheck
from calico_eval.engines.foreign import ForeignError, call_foreign

SENSORS = ("camera", "lidar")


class UserEngine:
    """Runs a user's object and checks everything that it returns.

    The model sees frames without ground truth and without `previous`, which would be the
    uncorrupted past. It gets arrays of its own, so writing into them harms nothing.

    Args:
        model: Object with `predict(frames)`.
        model_name: Name in reports.
        sensors: What the model looks at.
        sha256: Identity of the model.
        weights_named: Whether the model names its weights (`sha256`), so that new ones differ
            from old ones.
    """

    name = "user"

    def __init__(
        self,
        model: Any,
        model_name: str,
        sensors: tuple[str, ...],
        sha256: str,
        *,
        weights_named: bool = True,
    ) -> None:
        self._model = model
        self.model_name = model_name
        self.sensors = sensors
        self.sha256 = sha256
        self.weights_named = weights_named
        self._answers = AnswerCheck()

    def predict(self, frames: Sequence[Frame]) -> list[Predictions]:
        """See `Engine.predict`.

        Raises:
            CalicoError: The model raised an error (its exception is the cause), or returned
                something else than one valid prediction per frame. An iterator is read up to one
                answer too many.
        """
        where = f"model {self.model_name}"
        tokens = ", ".join(frame.token for frame in frames)
        found = call_foreign(
            lambda: self._ask(frames, where, tokens), f"{where}, frame {tokens}: predict"
        )
        return self._answers.check_answers(frames, found, where)

    def _ask(self, frames: Sequence[Frame], where: str, tokens: str) -> list[Predictions]:
        """Ask the model and read its answers one by one into arrays of our own."""
        outputs = self._model.predict([_unlabelled(frame) for frame in frames])
        if isinstance(outputs, (str, bytes, dict, Predictions)) or not hasattr(outputs, "__iter__"):
            raise ForeignError(
                f"{where}, frame {tokens}: predict returned {type(outputs).__name__}; "
                "expected a list with one mapping (boxes, scores, labels) per frame"
            )
        found: list[Predictions] = []
        for output in outputs:
            if len(found) == len(frames):
                raise ForeignError(
                    f"{where}, frame {tokens}: predict returned more results than frames "
                    f"({len(frames)})"
                )
            found.append(_read(output, f"{where}, frame {frames[len(found)].token}"))
        if len(found) < len(frames):
            raise ForeignError(
                f"{where}, frame {tokens}: predict returned {len(found)} results for {len(frames)} "
                "frames"
            )
        return found


def _read(output: Any, where: str) -> Predictions:
    try:
        return Predictions.from_mapping(output, where)
    except CalicoError as error:
        raise ForeignError(str(error)) from None


def _unlabelled(frame: Frame) -> Frame:
    """Copy a frame for a model to see: the same arrays without ground truth and past."""
    return frame.replace(
        points=frame.points.copy(),
        ring=frame.ring.copy(),
        sweep_index=frame.sweep_index.copy(),
        sweep_T=frame.sweep_T.copy(),
        images=tuple(image.copy() for image in frame.images),
        camera_K=frame.camera_K.copy(),
        camera_T_lidar=frame.camera_T_lidar.copy(),
        camera_time_s=frame.camera_time_s.copy(),
        ego_T_lidar=frame.ego_T_lidar.copy(),
        global_T_lidar=frame.global_T_lidar.copy(),
        **{
            name: None if (value := getattr(frame, name)) is None else value.copy()
            for name in ("elongation", "lidar_index", "lidar_T", "unlabelled")
        },
        conditions=dict(frame.conditions),
        boxes=Boxes.empty(),
        map_masks=None,
        map_known=None,
        previous=None,
    )
