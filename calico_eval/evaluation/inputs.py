"""The models and the data of an evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from calico.data.source import FrameSource
from calico_eval.engines.base import Engine, label


@dataclass(frozen=True)
class EvaluationInputs:
    """The models and the data of an evaluation.

    Attributes:
        engines: Models to evaluate. The first is the main subject of the report.
        source: Frames to evaluate on.
        fit_source: Frames that universal attacks are learnt on, for example the training split.
            Scenes that are evaluated are left out of it. None if no attack needs them.
    """

    engines: Sequence[Engine]
    source: FrameSource
    fit_source: FrameSource | None = None

    @cached_property
    def by_label(self) -> dict[str, Engine]:
        """The engines by their labels."""
        return {label(engine): engine for engine in self.engines}

    def list_scenes(self, indices: Sequence[int]) -> frozenset[str]:
        """List the scenes of some frames of the source.

        Args:
            indices: Indices of the frames.
        """
        return frozenset(self.source.info(index).scene for index in indices)
