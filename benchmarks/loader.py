"""Measures training frames a second with 0, 1 and 2 workers.

python -m benchmarks.loader [--preset tiny] [--set KEY=VALUE ...] [--out FILE]

Every number of workers trains the same steps with labels. In a first epoch the workers start and
frames enter the cache. The epochs after it are measured. A step has two parts: waiting
for the batch, and the model with its optimiser. The share that is not the model is what more
workers can save. On a busy machine the processor time of the training process says more: workers
take the loading out of it. The losses must be the same for all.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from pathlib import Path
from typing import Any

import torch

from calico.config.load import load_config
from calico.config.schema import Config
from calico.data.open import open_source
from calico.device import pick_device
from calico.models.calico import build_model
from calico.seeds import derive_seed
from calico.train.finetune import Finetune
from calico.train.loop import BatchStream
from calico.train.schedule import make_optimizer
from calico.train.task import Plan

SMALL = (
    "data.sim.train_scenes=4",
    "grid={x_range_m: [-16, 16], y_range_m: [-16, 16], pillar_m: 1.0, map_x_range_m: [-16, 16], "
    "map_y_range_m: [-16, 16]}",
    "model.lidar.pillar_channels=8",
    "model.camera={image_size: [64, 128], backbone_width: 0.125, fpn_channels: 8, channels: 8, "
    "depth_bins: 8}",
    "model.bev={layers: [1, 1], strides: [2, 2], channels: [8, 8], neck_channels: 8, "
    "out_stride: 2}",
    "model.detection.channels=8",
    "model.detection.max_boxes=20",
    "model.map.channels=8",
)
"""A small network, for which loading is a large part of training, as it is on an accelerator."""


def measure(config: Config, epochs: int) -> dict[str, Any]:
    """Train and take the times.

    Args:
        config: Configuration, with the number of workers.
        epochs: Epochs that are measured, after one that is not.
    """
    device = torch.device(pick_device(config.device))
    source = open_source(config, "train")
    task = Finetune(config, source, build_model(config, config.seed).to(device), lambda *_: {})
    plan = Plan.from_task(task)
    stream, optimizer = BatchStream(task, plan), make_optimizer(task, task.schedule)
    waiting = training = waiting_cpu = training_cpu = 0.0
    frames, losses, startup = 0, [], 0.0
    for epoch in range(epochs + 1):
        mark, mark_cpu = time.perf_counter(), time.process_time()
        for step, batch in enumerate(stream.load_epoch(epoch)):
            ready, ready_cpu = time.perf_counter(), time.process_time()
            torch.manual_seed(derive_seed(config.seed, epoch, step))
            loss = task(batch.to(device))["total"]
            optimizer.zero_grad(set_to_none=True)
            torch.autograd.backward(loss)
            optimizer.step()
            losses.append(float(loss.detach()))  # waits for the device
            done, done_cpu = time.perf_counter(), time.process_time()
            if epoch == 0:
                startup += done - mark
            else:
                waiting, training = waiting + ready - mark, training + done - ready
                waiting_cpu += ready_cpu - mark_cpu
                training_cpu += done_cpu - ready_cpu
                frames += len(batch)
            mark, mark_cpu = done, done_cpu
    return {
        "workers": config.data.workers,
        "frames": frames,
        "frames_per_s": frames / (waiting + training),
        "share_not_model": waiting / (waiting + training),
        "cpu_ms_not_model": 1e3 * waiting_cpu / frames,
        "cpu_ms_model": 1e3 * training_cpu / frames,
        "first_epoch_s": startup,
        "loss": losses[-1],
    }


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--preset", default="tiny")
    parser.add_argument("--set", dest="settings", action="append", help="default: `SMALL`")
    parser.add_argument("--workers", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, help="JSON file for the result")
    options = parser.parse_args()
    options.settings = options.settings or list(SMALL)
    torch.set_num_threads(options.threads)
    rows = []
    for workers in options.workers:
        settings = [*options.settings, f"data.workers={workers}"]
        rows.append(measure(load_config(options.preset, None, settings), options.epochs))
        print(rows[-1], flush=True)
    if len({row["loss"] for row in rows}) > 1:
        raise SystemExit("the losses differ between numbers of workers; expected the same")
    if options.out:
        result = {
            "command": "python -m benchmarks.loader --out benchmarks/results/loader.json",
            "settings": {"preset": options.preset, "set": options.settings},
            "machine": f"{platform.machine()}, {os.cpu_count()} cores, torch {torch.__version__}, "
            f"{options.threads} thread",
            "load_average": os.getloadavg()[0],
            "rows": rows,
        }
        options.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
