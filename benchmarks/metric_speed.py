"""Times our nuScenes detection metric and the devkit's in one run.

python benchmarks/metric_speed.py [--out FILE].

Both start from boxes in memory and end with mAP, NDS and the five errors of all frames: filtering
    by range, matching, accumulation. Reading files is part of neither. A frame has 30 objects and
    the given number of predictions, some of them scattered about the objects and some free. Each is
    run `--repeats` times in turn and the fastest run of each counts, in processor seconds, since
    the machine is shared. The figures of both are compared before they are timed.
Needs: pip install --no-deps nuscenes-devkit==1.2.0
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from nuscenes.eval.common.data_classes import EvalBoxes
from nuscenes.eval.common.loaders import add_center_dist, filter_eval_boxes
from nuscenes.eval.detection import evaluate
from nuscenes.eval.detection.data_classes import DetectionBox, DetectionConfig

from calico.frame import Boxes, Frame
from calico.predictions import Predictions
from calico.taxonomy import NUSCENES
from calico_eval.metrics.matching import match_frames
from calico_eval.metrics.nuscenes import aggregate_detection, class_ranges

OBJECTS = 30


def make_pair(token: str, predictions: int, rng: np.random.Generator) -> tuple[Frame, Predictions]:
    """Makes a frame without sensor data.

    And predictions of which seven in ten are near an object.
    """
    boxes = np.zeros((OBJECTS, 9), np.float32)
    boxes[:, :2] = rng.uniform(-45, 45, (OBJECTS, 2))
    boxes[:, 3:6] = rng.uniform(0.5, 5, (OBJECTS, 3))
    boxes[:, 6] = rng.uniform(-np.pi, np.pi, OBJECTS)
    boxes[:, 7:9] = rng.normal(0, 3, (OBJECTS, 2))
    labels, source = rng.integers(0, 10, OBJECTS), rng.integers(0, OBJECTS, predictions)
    found = boxes[source]
    found[:, :2] += rng.normal(0, 1, (predictions, 2))
    free = rng.random(predictions) < 0.3
    found[free, :2] = rng.uniform(-45, 45, (int(free.sum()), 2))
    found[:, 6] += rng.normal(0, 0.5, predictions)
    none = np.zeros(0, np.int16)
    frame = Frame(
        token=token,
        scene=token,
        timestamp_s=0.0,
        points=np.zeros((0, 5), np.float32),
        ring=none,
        sweep_index=none,
        sweep_T=np.eye(4)[None],
        images=(),
        camera_K=np.zeros((0, 3, 3)),
        camera_T_lidar=np.zeros((0, 4, 4)),
        camera_time_s=np.zeros(0),
        ego_T_lidar=np.eye(4),
        global_T_lidar=np.eye(4),
        boxes=Boxes(boxes, labels, rng.integers(0, 8, OBJECTS), np.ones(OBJECTS, np.int64)),
    )
    scores = rng.random(predictions).astype(np.float32)
    return frame, Predictions(
        found, scores, labels[source], attributes=rng.integers(0, 8, predictions)
    )


class Tables:
    """The look-ups of the devkit's filter.

    Every ego frame is at the origin, and no frame has a bike rack.
    """

    def get(self, table: str, token: str) -> dict[str, Any]:
        return {
            "sample": {"data": {"LIDAR_TOP": token}, "anns": []},
            "sample_data": {"ego_pose_token": token},
            "ego_pose": {"translation": [0.0, 0.0, 0.0]},
        }[table]


def devkit_boxes(
    token: str, boxes: Any, labels: Any, attributes: Any, **columns: Any
) -> list[DetectionBox]:
    """Turns boxes into the devkit's records."""
    return [
        DetectionBox(
            sample_token=token,
            translation=tuple(box[:3]),
            size=(box[4], box[3], box[5]),
            rotation=(np.cos(box[6] / 2), 0.0, 0.0, np.sin(box[6] / 2)),
            velocity=tuple(box[7:9]),
            detection_name=NUSCENES.names[label],
            attribute_name=NUSCENES.attributes[attribute],
            **{name: kind(column[row]) for name, (kind, column) in columns.items()},
        )
        for row, (box, label, attribute) in enumerate(
            zip(boxes.astype(np.float64), labels, attributes, strict=True)
        )
    ]


def devkit_run(pairs: list[tuple[Frame, Predictions]]) -> Callable[[], dict[str, float]]:
    """Builds the devkit's boxes, and returns what filters and evaluates them."""
    config = DetectionConfig.deserialize(
        json.loads(
            (Path(evaluate.__file__).parent / "configs" / "detection_cvpr_2019.json").read_text()
        )
    )
    truth, found = EvalBoxes(), EvalBoxes()
    for frame, p in pairs:
        b = frame.boxes
        truth.add_boxes(
            frame.token,
            devkit_boxes(frame.token, b.boxes, b.labels, b.attributes, num_pts=(int, b.num_points)),
        )
        found.add_boxes(
            frame.token,
            devkit_boxes(
                frame.token, p.boxes, p.labels, p.attributes, detection_score=(float, p.scores)
            ),
        )

    def copy(boxes: EvalBoxes) -> EvalBoxes:
        result = EvalBoxes()
        for token in boxes.sample_tokens:
            result.add_boxes(token, list(boxes[token]))
        return result

    def run() -> dict[str, float]:
        one = evaluate.DetectionEval.__new__(evaluate.DetectionEval)
        one.cfg, one.verbose = config, False
        one.gt_boxes = filter_eval_boxes(
            Tables(), add_center_dist(Tables(), copy(truth)), config.class_range
        )
        one.pred_boxes = filter_eval_boxes(
            Tables(), add_center_dist(Tables(), copy(found)), config.class_range
        )
        metrics = one.evaluate()[0]
        return {"mAP": float(metrics.mean_ap), "NDS": float(metrics.nd_score)}

    return run


def our_run(pairs: list[tuple[Frame, Predictions]]) -> Callable[[], dict[str, float]]:
    """Returns what matches and pools the frames."""
    ranges = class_ranges()

    def run() -> dict[str, float]:
        frames, found = zip(*pairs, strict=True)
        result = aggregate_detection(match_frames(frames, found, ranges))
        return {"mAP": result.mAP, "NDS": result.NDS}

    return run


def fastest(runs: dict[str, Callable[[], dict[str, float]]], repeats: int) -> dict[str, float]:
    """Processor seconds of the fastest of `repeats` runs of each; they take turns."""
    best = dict.fromkeys(runs, float("inf"))
    for _ in range(repeats):
        for name, run in runs.items():
            start = time.process_time()
            run()
            best[name] = min(best[name], time.process_time() - start)
    return best


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--frames", type=int, default=6000)
    parser.add_argument(
        "--predictions", type=int, nargs="+", default=[50, 100, 300], help="per frame"
    )
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="JSON file for the result")
    options = parser.parse_args()
    rows = []
    for predictions in options.predictions:
        rng = np.random.default_rng(options.seed)
        pairs = [make_pair(f"t{index}", predictions, rng) for index in range(options.frames)]
        runs = {"ours": our_run(pairs), "devkit": devkit_run(pairs)}
        figures = {name: run() for name, run in runs.items()}
        for name, value in figures["ours"].items():
            if abs(value - figures["devkit"][name]) > 1e-6:
                raise SystemExit(
                    f"{name}: ours {value}, devkit {figures['devkit'][name]}; expected the same"
                )
        seconds = fastest(runs, options.repeats)
        rows.append(
            {
                "predictions": predictions,
                "ours_ms_per_frame": 1e3 * seconds["ours"] / options.frames,
                "devkit_ms_per_frame": 1e3 * seconds["devkit"] / options.frames,
                "ratio": seconds["devkit"] / seconds["ours"],
            }
        )
        print(
            f"{predictions} predictions a frame: ours {rows[-1]['ours_ms_per_frame']:.3f} ms, "
            "devkit "
            f"{rows[-1]['devkit_ms_per_frame']:.2f} ms a frame, ratio {rows[-1]['ratio']:.1f}",
            flush=True,
        )
    if options.out:
        settings = {name: getattr(options, name) for name in ("frames", "repeats", "seed")} | {
            "objects": OBJECTS
        }
        result = {
            "command": "python benchmarks/metric_speed.py --predictions "
            + " ".join(map(str, options.predictions)),
            "settings": settings,
            "machine": f"{platform.machine()}, Python {platform.python_version()}, numpy "
            f"{np.__version__}",
            "rows": rows,
        }
        options.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
