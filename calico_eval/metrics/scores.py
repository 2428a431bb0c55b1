"""Figures of an evaluation by name, with their intervals."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping

from calico.errors import CalicoError
from reports.schema import Metric


class Scores(Mapping[str, float]):
    """The figures of an evaluation: `scores["mAP"]`, `scores.interval("mAP")`.

    An undefined figure, e.g. the AP of a class without objects, is NaN; `metric(name).reason` says
    why it is undefined.
    """

    def __init__(self, metrics: Mapping[str, Metric]) -> None:
        self._metrics = dict(metrics)

    def __getitem__(self, name: str) -> float:
        value = self._metrics[name].value
        return float("nan") if value is None else value

    def __iter__(self) -> Iterator[str]:
        return iter(self._metrics)

    def __len__(self) -> int:
        return len(self._metrics)

    def __repr__(self) -> str:
        return "\n".join(f"{name:<28} {self._text(name)}" for name in self)

    def metric(self, name: str) -> Metric:
        """Return the whole record of a figure, as results.json holds it.

        Args:
            name: One of the names, e.g. "mAP" or "AP/car".

        Raises:
            CalicoError: There is no figure of this name.
        """
        if name not in self._metrics:
            near = difflib.get_close_matches(name, self._metrics, n=1)
            hint = f"did you mean '{near[0]}'? Expected" if near else "expected"
            raise CalicoError(f"metric '{name}': {hint} one of {', '.join(self)}")
        return self._metrics[name]

    def interval(self, name: str) -> tuple[float, float] | None:
        """Return the 95 % confidence interval of a figure.

        Args:
            name: One of the names, e.g. "mAP" or "AP/car".

        Returns:
            Lower and upper end, or None. `metric(name).method` says how the interval was made, or
            why it is missing.

        Raises:
            CalicoError: There is no figure of this name.
        """
        metric = self.metric(name)
        return None if metric.lo is None or metric.hi is None else (metric.lo, metric.hi)

    def _text(self, name: str) -> str:
        metric, interval = self._metrics[name], self.interval(name)
        if metric.value is None:
            return f"undefined ({metric.reason})"
        ends = "" if interval is None else f"  [{interval[0]:.4f}, {interval[1]:.4f}]"
        return f"{metric.value:.4f}{ends}"
