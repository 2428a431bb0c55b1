from reports.schema import Metric, Results
from reports.writers.nuscenes_summary import nuscenes_summary


def test_nuscenes_summary_has_the_devkit_names(results: Results) -> None:
    entry = nuscenes_summary(results)["fused/onnxruntime"]
    clean = results.cells[0].metrics
    assert entry["mean_ap"] == clean["mAP"].value
    assert entry["nd_score"] == clean["NDS"].value
    assert entry["tp_errors"]["trans_err"] == clean["mATE"].value
    assert entry["tp_scores"]["orient_err"] == max(0.0, 1 - clean["mAOE"].value)
    assert entry["mean_dist_aps"]["barrier"] is None
    assert entry["map"]["mIoU"] == clean["mIoU"].value
    assert set(nuscenes_summary(results)) == {
        "fused/onnxruntime",
        "camera-only/onnxruntime",
        "lidar-only/onnxruntime",
    }


def test_nuscenes_summary_without_detection_invents_nothing(results: Results) -> None:
    cell = results.cells[0].model_copy(
        update={"metrics": {"mIoU": Metric(value=0.5, n_frames=1, n_scenes=1)}}
    )
    entry = nuscenes_summary(results.model_copy(update={"cells": (cell,)}))["fused/onnxruntime"]
    assert set(entry) == {"meta", "map"}
