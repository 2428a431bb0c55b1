"""What universal attacks learn before an evaluation.

A universal attack is learnt once per condition and attacked engine, on frames of scenes that are
not evaluated.
"""

from __future__ import annotations

from collections.abc import Sequence

from calico.data.source import FrameSource
from calico.errors import CalicoError
from calico_eval.attacks import ALGORITHMS
from calico_eval.attacks.universal.fitted import Fitted, fit_indices
from calico_eval.evaluation.applied_condition import corrupt_frame
from calico_eval.evaluation.conditions import AnyCondition, AttackCondition
from calico_eval.evaluation.inputs import EvaluationInputs


class UniversalAttacks:
    """What the universal attacks of a run have learnt.

    An attack is learnt when it is asked for the first time, and remembered. It is a function of the
    engine's weights, the frames, the condition and the seed, so that a resumed evaluation learns
    the same again if it needs it.
    """

    def __init__(self, inputs: EvaluationInputs, indices: Sequence[int], seed: int) -> None:
        """Learn nothing yet.

        Args:
            inputs: Engines, and frames to learn on.
            indices: Frames that are evaluated; their scenes are not learnt on.
            seed: Seed of the evaluation.
        """
        self._inputs, self._seed = inputs, seed
        self._evaluated = inputs.list_scenes(indices)
        self._known: dict[tuple[AttackCondition, str], Fitted] = {}

    def learn(self, condition: AnyCondition, engine: str | None) -> Fitted | None:
        """Learn an attack, on frames under the corruption of its condition.

        Args:
            condition: Any condition; nothing is learnt unless it is a universal attack.
            engine: Label of the engine that the attack is made on.

        Returns:
            What was learnt, or None.

        Raises:
            CalicoError: There are no frames to learn on.
        """
        if not isinstance(condition, AttackCondition) or engine is None:
            return None
        condition = condition.without_transfer()
        fit = ALGORITHMS[condition.attack.name].fit
        if fit is None:
            return None
        if (condition, engine) not in self._known:
            source = _get_fit_source(condition, self._inputs)
            indices = fit_indices(source, condition.attack.fit_frames, self._evaluated)
            frames = [corrupt_frame(condition.on, self._seed, source[index]) for index in indices]
            self._known[condition, engine] = fit(
                self._inputs.by_label[engine], frames, condition.attack, self._seed
            )
        return self._known[condition, engine]


def describe_fit(
    condition: AnyCondition, inputs: EvaluationInputs, indices: Sequence[int]
) -> dict[str, object] | None:
    """Describe what a universal attack depends on besides condition and engine, for a cell's id.

    Args:
        condition: Condition of the cell.
        inputs: Data of the evaluation.
        indices: Frames that are evaluated; their scenes are not learnt on.

    Returns:
        Hash and tokens of the frames, or None if nothing is learnt.

    Raises:
        CalicoError: There are no frames to learn on.
    """
    if not isinstance(condition, AttackCondition):
        return None
    if ALGORITHMS[condition.attack.name].fit is None:
        return None
    source = _get_fit_source(condition, inputs)
    chosen = fit_indices(source, condition.attack.fit_frames, inputs.list_scenes(indices))
    tokens = [source.info(index).token for index in chosen]
    return {"data": source.content_hash(), "frames": tokens}


def _get_fit_source(condition: AttackCondition, inputs: EvaluationInputs) -> FrameSource:
    """Return the frames to learn on; raise CalicoError if there are none."""
    if inputs.fit_source is None:
        raise CalicoError(
            f"attack {condition}: is learnt on frames of other scenes, and this evaluation has "
            "none; expected a fit source (the training split)"
        )
    return inputs.fit_source
