"""What attacks learn before an evaluation: once per condition and attacked engine, on frames of scenes that are not evaluated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from calico.data.source import FrameSource
from calico.errors import CalicoError
from calico_eval.attacks import ALGORITHMS
from calico_eval.attacks.universal.fitted import Fitted, fit_indices
from calico_eval.engines.base import Engine
from calico_eval.evaluation.applied_condition import change_frame
from calico_eval.evaluation.conditions import ConditionSpec


class Fits:
    """Fits when it is first asked, and remembers: a function of the engine's weights, the frames, the condition and the seed, so
    that a resumed evaluation learns the same again where it needs it."""

    def __init__(
        self,
        engines: Mapping[str, Engine],
        seed: int,
        source: FrameSource | None,
        evaluated: frozenset[str],
    ) -> None:
        """source: frames to fit on. evaluated: scenes that are left out of it."""
        self._engines, self._seed, self._source, self._evaluated = engines, seed, source, evaluated
        self._known: dict[tuple[ConditionSpec, str], Fitted] = {}

    def get(self, condition: ConditionSpec, crafted_on: str | None) -> Fitted | None:
        """What was learnt for an attack; None for all other conditions. The frames are under the condition's corruption.

        Raises:
            CalicoError: there are no frames to fit on.
        """
        condition, attack = condition.change, condition.attack
        fit = None if attack is None else ALGORITHMS[attack.name].fit
        if attack is None or fit is None or crafted_on is None:
            return None
        if (condition, crafted_on) not in self._known:
            source = fit_source_of(condition, self._source)
            frames = [
                source[index] for index in fit_indices(source, attack.fit_frames, self._evaluated)
            ]
            if condition.corrupted is not None:
                frames = [change_frame(condition.corrupted, self._seed, frame) for frame in frames]
            self._known[condition, crafted_on] = fit(
                self._engines[crafted_on], frames, attack, self._seed
            )
        return self._known[condition, crafted_on]


def fit_source_of(condition: ConditionSpec, source: FrameSource | None) -> FrameSource:
    """The source; raises CalicoError where there is none."""
    if source is None:
        raise CalicoError(
            f"attack {condition}: is learnt on frames of other scenes, and this evaluation has none; "
            "expected a fit source (the training split)"
        )
    return source


def fit_key(
    condition: ConditionSpec, source: FrameSource | None, evaluated: frozenset[str]
) -> dict[str, object] | None:
    """What the result depends on besides condition and engine, for the id of a cell; None where nothing is learnt."""
    if condition.attack is None or ALGORITHMS[condition.attack.name].fit is None:
        return None
    known = fit_source_of(condition, source)
    chosen = fit_indices(known, condition.attack.fit_frames, evaluated)
    return {"data": known.content_hash(), "frames": [known.info(index).token for index in chosen]}


def scenes_of(source: FrameSource, indices: Sequence[int]) -> frozenset[str]:
    """The scenes of these frames."""
    return frozenset(source.info(index).scene for index in indices)
