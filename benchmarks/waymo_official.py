"""Runs the official detection metrics of the Waymo Open Dataset on files of boxes.

.venv-waymo/bin/python benchmarks/waymo_official.py FOLDER, after `make waymo-env`.

Every FOLDER/*.in.npz is answered by FOLDER/*.out.npz. The official program needs an interpreter of
its own, so that this file imports nothing of the project.
"""

import sys
import time
from pathlib import Path
from typing import Any

import numpy as np


def make_config(tolerant: bool, least: list[float]) -> bytes:
    """Makes the configuration of the official tools, by class and range at both levels."""
    from waymo_open_dataset import label_pb2
    from waymo_open_dataset.protos import breakdown_pb2, metrics_pb2

    config = metrics_pb2.Config()
    for generator in ("OBJECT_TYPE", "RANGE"):
        config.breakdown_generator_ids.append(breakdown_pb2.Breakdown.GeneratorId.Value(generator))
        config.difficulties.add().levels.extend([label_pb2.Label.LEVEL_1, label_pb2.Label.LEVEL_2])
    config.matcher_type = metrics_pb2.MatcherProto.TYPE_HUNGARIAN
    config.iou_thresholds.extend([0.0, *least])
    config.box_type = label_pb2.Label.Box.TYPE_3D
    config.score_cutoffs.extend([*(number * 0.01 for number in range(100)), 1.0])
    if tolerant:
        let = config.let_metric_config
        let.enabled = True
        let.align_type = let.TYPE_RANGE_ALIGNED
        let.longitudinal_tolerance_percentage = 0.1
        let.min_longitudinal_tolerance_meter = 0.5
        let.sensor_location.x, let.sensor_location.y, let.sensor_location.z = 1.43, 0.0, 2.18
    return bytes(config.SerializeToString())


def run(boxes: Any) -> Any:
    """Answers one file."""
    from waymo_open_dataset.metrics.ops import py_metrics_ops

    start = time.process_time()
    found = py_metrics_ops.detection_metrics(
        prediction_bbox=boxes["found"].astype(np.float32),
        prediction_type=boxes["found_type"].astype(np.uint8),
        prediction_score=boxes["score"].astype(np.float32),
        prediction_frame_id=boxes["found_frame"].astype(np.int64),
        prediction_overlap_nlz=boxes["ignored"].astype(np.bool_),
        ground_truth_bbox=boxes["true"].astype(np.float32),
        ground_truth_type=boxes["true_type"].astype(np.uint8),
        ground_truth_frame_id=boxes["true_frame"].astype(np.int64),
        ground_truth_difficulty=boxes["level"].astype(np.uint8),
        config=make_config(bool(boxes["tolerant"]), boxes["least"].tolist()),
    )
    seconds = time.process_time() - start
    ap, aph, apl, curve = (one.numpy() for one in found[:4])
    return {"aps": np.stack([ap, aph, apl]).reshape(3, 16, 2), "curve": curve, "seconds": seconds}


if __name__ == "__main__":
    for path in sorted(Path(sys.argv[1]).glob("*.in.npz")):
        with np.load(path) as content:
            np.savez(path.with_name(path.name.replace(".in.", ".out.")), **run(dict(content)))
