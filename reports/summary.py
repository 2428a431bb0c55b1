"""metrics_summary.json: the clean run of each model under the key names of the nuScenes devkit."""

from __future__ import annotations

from typing import Any

from reports.schema import Cell, Results

TP_ERRORS = {"mATE": "trans_err", "mASE": "scale_err", "mAOE": "orient_err", "mAVE": "vel_err", "mAAE": "attr_err"}


def nuscenes_summary(results: Results) -> dict[str, dict[str, Any]]:
    """Keyed by 'model/engine'. Only what the file holds; an undefined number is null. Map metrics under `map`."""
    clean = [cell for cell in results.cells if cell.condition.kind == "clean"]
    return {f"{cell.model}/{cell.engine}": _entry(cell, results) for cell in clean}


def _entry(cell: Cell, results: Results) -> dict[str, Any]:
    values = {name: metric.value for name, metric in cell.metrics.items()}
    entry: dict[str, Any] = {
        "meta": {"data": results.provenance.data, "n_frames": results.provenance.n_frames, "seed": cell.seed}
    }
    for key, name in (("mean_ap", "mAP"), ("nd_score", "NDS")):
        if name in values:
            entry[key] = values[name]
    errors = {key: values[name] for name, key in TP_ERRORS.items() if name in values}
    if errors:
        entry["tp_errors"] = errors
        entry["tp_scores"] = {key: None if error is None else max(0.0, 1.0 - error) for key, error in errors.items()}
    for key, prefix in (("mean_dist_aps", "AP/"), ("map", "IoU/")):
        found = {name.removeprefix(prefix): value for name, value in values.items() if name.startswith(prefix)}
        if found:
            entry[key] = found
    if "mIoU" in values:
        entry.setdefault("map", {})["mIoU"] = values["mIoU"]
    return entry
