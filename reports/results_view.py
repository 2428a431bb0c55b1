"""Look-ups over Results for the writers: which model, which cell, what is worst.

Nothing is formatted here. The only numbers made here are plain means over cells and ratios to the
clean cell.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from reports.conditions import condition_key, is_control, level_on_axis, split_crossed
from reports.errors import ReportError
from reports.sanity_index import SanityIndex
from reports.schema import Cell, Condition, Curve, Metric, Results

Group = dict[tuple[object, ...], list[Cell]]
"""Cells of one name by `condition_key`: those that differ in their seed only."""
HEADLINES = {
    "mAP": "3D detection, mAP",
    "NDS": "3D detection, NDS",
    "mAPH_L2": "3D detection, Waymo's mAPH at LEVEL_2",
    "mIoU": "Map segmentation, mIoU",
}


@dataclass(frozen=True)
class Series:
    """One model on one engine: a row of the scorecard, a line of a chart.

    Attributes:
        model: Name of the model.
        engine: Name of the engine.
        label: Label for people.
        style: Number of its colour.
    """

    model: str
    engine: str
    label: str
    style: int


@dataclass(frozen=True)
class Point:
    """A metric under one condition. Several seeds give their plain mean, without interval.

    Attributes:
        condition: The condition.
        metric: The value.
    """

    condition: Condition
    metric: Metric


class ResultsView:
    """Look-ups over one Results object.

    Every cell is filed once, so that a look-up does not walk through all of them.
    """

    def __init__(self, results: Results) -> None:
        self.results = results
        self._cells: dict[tuple[str, str], list[Cell]] = {}
        self._groups: dict[tuple[str, str, str], dict[str, Group]] = {}
        for cell in results.cells:
            condition = cell.condition
            self._cells.setdefault((cell.model, cell.engine), []).append(cell)
            by_name = self._groups.setdefault((cell.model, cell.engine, condition.kind), {})
            by_name.setdefault(condition.name, {}).setdefault(condition_key(condition), []).append(
                cell
            )
        self._unused: dict[tuple[str, str], tuple[str, ...]] = {}

    @cached_property
    def series(self) -> tuple[Series, ...]:
        """Models in the order of the file, then engines in the order of their cells.

        The first one is the main subject.
        """
        order = {
            model.name: place for place, model in reversed(list(enumerate(self.results.models)))
        }
        keys = sorted(self._cells, key=lambda key: order.get(key[0], len(order)))
        engines = {engine for _, engine in keys}
        return tuple(
            Series(model, engine, model if len(engines) == 1 else f"{model} ({engine})", style)
            for style, (model, engine) in enumerate(keys)
        )

    @cached_property
    def curves(self) -> dict[tuple[str, str, str], Curve]:
        """The curves by model, engine and name of the corruption.

        Raises:
            ReportError: A curve's value has no cell of the kind `curve` that holds its metrics.
        """
        for curve in self.results.curves:
            cells = (
                self._groups.get((curve.model, curve.engine, "curve"), {})
                .get(curve.name, {})
                .values()
            )
            there = {
                level_on_axis(c.condition): c for (c, *_) in cells if c.condition.axis == curve.axis
            }
            for value in curve.values:
                if value not in there or not set(curve.half) <= set(there[value].metrics):
                    raise ReportError(
                        f"curves: {curve.name} on {curve.model}/{curve.engine} has no cell of "
                        f"the curve at {curve.axis} {value:g} that holds "
                        f"{', '.join(curve.half) or 'its metrics'}; run `calico robust` again"
                    )
        return {(curve.model, curve.engine, curve.name): curve for curve in self.results.curves}

    @cached_property
    def metrics(self) -> tuple[str, ...]:
        """The headline metrics that some cell defines, else those that some cell holds.

        Without any, these are all undivided fractions.
        """
        found = {
            name: metric.unit
            for cell in self.results.cells
            for name, metric in cell.metrics.items()
        }
        headlines = tuple(name for name in HEADLINES if name in found)
        if headlines:
            return tuple(name for name in headlines if self.has_value(name)) or headlines
        return tuple(
            sorted(name for name, unit in found.items() if "/" not in name and unit == "fraction")
        )

    @cached_property
    def charted(self) -> tuple[str, ...]:
        """The metrics of heat maps and curves: mAP and mIoU where some cell defines them.

        Else it is the first metric of the file.
        """
        return (
            tuple(name for name in self.metrics if name != "NDS" and self.has_value(name))
            or self.metrics[:1]
        )

    @cached_property
    def undefined(self) -> tuple[tuple[str, str], ...]:
        """The headline metrics that the file holds and no cell defines, with the reason.

        They are not shown where another one is defined.
        """
        found = [pair for cell in self.results.cells for pair in cell.metrics.items()]
        reasons = {
            name: metric.reason or "no reason was recorded"
            for name, metric in found
            if name in HEADLINES
        }
        return tuple(
            (name, reasons[name])
            for name in HEADLINES
            if name in reasons and not self.has_value(name)
        )

    def has_value(self, metric: str) -> bool:
        """Say whether some cell holds a value of this metric."""
        found = (cell.metrics.get(metric) for cell in self.results.cells)
        return any(value is not None and value.value is not None for value in found)

    def cells_of(self, series: Series) -> tuple[Cell, ...]:
        """List all cells of one model on one engine."""
        return tuple(self._cells.get((series.model, series.engine), ()))

    def find_points(
        self, series: Series, metric: str, kind: str, name: str | None = None
    ) -> tuple[Point, ...]:
        """List the values of one metric by condition, mild to severe as far as severity tells.

        Args:
            series: The model on its engine.
            metric: Name of the metric.
            kind: Kind of the conditions.
            name: Name of the conditions. Default: all.

        Returns:
            Defined and undefined values.
        """
        by_name = self._groups.get((series.model, series.engine, kind), {})
        chosen = by_name.values() if name is None else [by_name.get(name, {})]
        found = (_point(cells, metric) for group in chosen for cells in group.values())
        return tuple(
            sorted((point for point in found if point), key=lambda point: point.condition.severity)
        )

    def find_point(self, series: Series, metric: str, condition: Condition) -> Point | None:
        """Find the value of one metric under one condition.

        Args:
            series: The model on its engine.
            metric: Name of the metric.
            condition: The condition.

        Returns:
            The value, or None where the condition was not run or does not hold the metric.
        """
        return _point(self.same_test(series, condition), metric)

    def same_test(self, series: Series, condition: Condition) -> tuple[Cell, ...]:
        """List the cells of one condition on one engine, one for each seed.

        Args:
            series: The model on its engine.
            condition: The condition.
        """
        by_name = self._groups.get((series.model, series.engine, condition.kind), {})
        return tuple(by_name.get(condition.name, {}).get(condition_key(condition), ()))

    def clean_metric(self, series: Series, metric: str) -> Metric | None:
        """Find the value without any change to the sensors.

        Args:
            series: The model on its engine.
            metric: Name of the metric.
        """
        points = self.find_points(series, metric, "clean")
        return points[0].metric if points else None

    def condition_names(self, kind: str) -> tuple[str, ...]:
        """List the names of the conditions of a kind, in the order of the file."""
        conditions = (cell.condition for cell in self.results.cells)
        return tuple(
            dict.fromkeys(condition.name for condition in conditions if condition.kind == kind)
        )

    def uses_sensors_of(self, series: Series, condition: Condition) -> bool:
        """Say whether a condition changes a sensor that the model uses.

        It is True where the file does not say.

        Args:
            series: The model on its engine.
            condition: The condition.
        """
        sensors = self._sensors.get(series.model, ())
        return not sensors or not condition.sensors or bool(set(sensors) & set(condition.sensors))

    def unused_corruptions(self, series: Series) -> tuple[str, ...]:
        """List the corruptions of this model that change only sensors which it does not use."""
        key = (series.model, series.engine)
        if key not in self._unused:
            conditions = [
                c.condition for c in self.cells_of(series) if c.condition.kind == "corruption"
            ]
            self._unused[key] = tuple(
                dict.fromkeys(c.name for c in conditions if not self.uses_sensors_of(series, c))
            )
        return self._unused[key]

    def averaged_conditions(self, series: Series) -> tuple[Condition, ...]:
        """List the corruptions, at each severity, that the means are over.

        They are those of the sensors that the model uses.
        """
        conditions = [
            c.condition for c in self.cells_of(series) if c.condition.kind == "corruption"
        ]
        return tuple(
            condition for condition in conditions if self.uses_sensors_of(series, condition)
        )

    def corruption_mean(self, series: Series, metric: str) -> Metric | None:
        """Return mPC from the summary of the file, else compute a plain mean.

        The plain mean is over corruptions of the mean over severities. Corruptions of sensors that
        the model does not use are left out.

        Args:
            series: The model on its engine.
            metric: Name of the metric.
        """
        stored = self.results.summary.get(f"{series.model}/{series.engine}", {}).get(
            f"{metric}/mPC"
        )
        if stored is not None:
            return stored
        means = [
            _mean([point.metric for point in self.find_points(series, metric, "corruption", name)])
            for name in dict.fromkeys(
                condition.name for condition in self.averaged_conditions(series)
            )
            if self.find_points(series, metric, "corruption", name)
        ]
        return _mean(means, "mean over corruptions and severities") if means else None

    def retained_share(self, series: Series, metric: str, name: str) -> float | None:
        """Compute the mean share of the clean value that is kept under a corruption.

        RR_c = sum over severities of M_cs / (S M_clean).

        Args:
            series: The model on its engine.
            metric: Name of the metric.
            name: Name of the corruption.

        Returns:
            The share, or None where the corruption changes no sensor that the model uses.
        """
        if name in self.unused_corruptions(series):
            return None
        values = [
            value_ratio(point.metric, self.clean_metric(series, metric))
            for point in self.find_points(series, metric, "corruption", name)
        ]
        known = [value for value in values if value is not None]
        return sum(known) / len(known) if known and len(known) == len(values) else None

    def worst_point(self, series: Series, metric: str, kind: str) -> Point | None:
        """Find the condition of a kind with the worst value.

        A random control is no attack, and an unused sensor no harm. An attack on corrupted frames
        belongs to neither kind.

        Args:
            series: The model on its engine.
            metric: Name of the metric.
            kind: Kind of the conditions.
        """
        points = [
            p
            for p in self.find_points(series, metric, kind)
            if p.metric.value is not None
            and not is_control(p.condition)
            and self.uses_sensors_of(series, p.condition)
            and split_crossed(p.condition) is None
        ]
        if not points:
            return None
        return min(
            points, key=lambda p: (p.metric.value or 0.0) * (1 if p.metric.higher_is_better else -1)
        )

    def same_metric(self, series: Series, metric: str, point: Point) -> Metric | None:
        """Find the value of the same model, engine and condition, for a point of another file.

        Args:
            series: The model on its engine.
            metric: Name of the metric.
            point: Point of the other file.
        """
        found = self.find_point(series, metric, point.condition)
        return None if found is None else found.metric

    @cached_property
    def several_seeds(self) -> bool:
        """Whether the file holds cells of more than one seed."""
        return len({cell.seed for cell in self.results.cells}) > 1

    def find_twin(self, cell: Cell) -> Cell | None:
        """Find the cell with the model, engine, condition and seed of a cell of another file."""
        by_name = self._groups.get((cell.model, cell.engine, cell.condition.kind), {})
        same = by_name.get(cell.condition.name, {}).get(condition_key(cell.condition), ())
        return next((other for other in same if other.seed == cell.seed), None)

    def find_variants(self, cell: Cell) -> Iterator[Cell]:
        """Yield cells of the model, engine, name, severity and seed of a cell.

        Their parameters may differ.
        """
        by_name = self._groups.get((cell.model, cell.engine, cell.condition.kind), {})
        for cells in by_name.get(cell.condition.name, {}).values():
            if cells[0].condition.severity == cell.condition.severity:
                yield from (other for other in cells if other.seed == cell.seed)

    def clean_twin(self, cell: Cell, metric: str) -> Metric | None:
        """Find the clean value to compare a cell's with.

        It is that of the cell's own seed where the clean run has it, else the mean over seeds.

        Args:
            cell: The cell.
            metric: Name of the metric.
        """
        by_name = self._groups.get((cell.model, cell.engine, "clean"), {})
        cells = [clean for groups in by_name.values() for same in groups.values() for clean in same]
        own = next((clean for clean in cells if clean.seed == cell.seed), None)
        if own is not None:
            return own.metrics.get(metric)
        point = _point(cells, metric) if cells else None
        return None if point is None else point.metric

    @cached_property
    def sanity(self) -> SanityIndex:
        """What the sanity checks say about attack figures."""
        return SanityIndex(self.results.sanity)

    @cached_property
    def _sensors(self) -> dict[str, tuple[str, ...]]:
        """Model name to the sensors that it uses."""
        return {model.name: model.sensors for model in reversed(self.results.models)}

    def by_loss(self, series: Series, metric: str) -> tuple[str, ...]:
        """Order corruption names by loss: the one that keeps least of the clean value first.

        Unknown ones come last.

        Args:
            series: The model on its engine.
            metric: Name of the metric.
        """
        kept = {
            name: self.retained_share(series, metric, name)
            for name in self.condition_names("corruption")
        }
        return tuple(sorted(kept, key=lambda name: (kept[name] is None, kept[name] or 0.0, name)))


def value_ratio(value: Metric | None, clean: Metric | None) -> float | None:
    """Compute M / M_clean, or None where either is undefined or M_clean is not above 0.

    Args:
        value: The metric M.
        clean: Its clean value.
    """
    if (
        value is None
        or clean is None
        or value.value is None
        or clean.value is None
        or clean.value <= 0
    ):
        return None
    return value.value / clean.value


def _point(cells: Sequence[Cell], metric: str) -> Point | None:
    """Return a metric under the condition that cells share, or None where no cell holds it."""
    found = [cell.metrics[metric] for cell in cells if metric in cell.metrics]
    return Point(cells[0].condition, _mean(found)) if found else None


def _mean(metrics: list[Metric], what: str = "mean over seeds") -> Metric:
    """Return the plain mean of metrics without interval, undefined as soon as one of them is."""
    first = metrics[0]
    if len(metrics) == 1:
        return first
    values = [metric.value for metric in metrics]
    known = [value for value in values if value is not None]
    return Metric(
        value=sum(known) / len(known) if len(known) == len(values) else None,
        reason=None if len(known) == len(values) else "undefined in one of the cells",
        method=what,
        n_frames=min(metric.n_frames for metric in metrics),
        n_scenes=min(metric.n_scenes for metric in metrics),
        higher_is_better=first.higher_is_better,
        unit=first.unit,
    )
