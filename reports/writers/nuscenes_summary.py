"""metrics_summary.json: the clean run of each model in the key names of the nuScenes devkit."""

from __future__ import annotations

from typing import Any

from reports.results_view import ResultsView, Series
from reports.schema import Cell, Results

TP_ERRORS = {
    "mATE": "trans_err",
    "mASE": "scale_err",
    "mAOE": "orient_err",
    "mAVE": "vel_err",
    "mAAE": "attr_err",
}


def nuscenes_summary(results: Results) -> dict[str, dict[str, Any]]:
    """Summarise the clean runs by 'model/engine'.

    It has only what the file holds. An undefined number is null. Map metrics are under `map`.
    """
    view = ResultsView(results)
    return {
        f"{s.model}/{s.engine}": _entry(view, s, cells)
        for s in view.series
        if (cells := _clean_cells(view, s))
    }


def _clean_cells(view: ResultsView, series: Series) -> list[Cell]:
    return [cell for cell in view.cells_of(series) if cell.condition.kind == "clean"]


def _entry(view: ResultsView, series: Series, cells: list[Cell]) -> dict[str, Any]:
    """Make one entry. Several seeds give the mean of each number, and all seeds in `meta`."""
    names = dict.fromkeys(name for cell in cells for name in cell.metrics)
    metrics = {name: view.clean_metric(series, name) for name in names}
    values = {name: metric.value for name, metric in metrics.items() if metric is not None}
    origin, seeds = view.results.provenance, sorted({cell.seed for cell in cells})
    seed = {"seed": seeds[0]} if len(seeds) == 1 else {"seeds": seeds}
    entry: dict[str, Any] = {"meta": {"data": origin.data, "n_frames": origin.n_frames, **seed}}
    for key, name in (("mean_ap", "mAP"), ("nd_score", "NDS")):
        if name in values:
            entry[key] = values[name]
    errors = {key: values[name] for name, key in TP_ERRORS.items() if name in values}
    if errors:
        entry["tp_errors"] = errors
        entry["tp_scores"] = {
            key: None if error is None else max(0.0, 1.0 - error) for key, error in errors.items()
        }
    for key, prefix in (("mean_dist_aps", "AP/"), ("map", "IoU/")):
        found = {
            name.removeprefix(prefix): value
            for name, value in values.items()
            if name.startswith(prefix)
        }
        if found:
            entry[key] = found
    if "mIoU" in values:
        entry.setdefault("map", {})["mIoU"] = values["mIoU"]
    return entry
