"""Measures training frames a second with 0, 1 and 2 workers.

python -m benchmarks.loader [--preset tiny] [--set KEY=VALUE ...] [--out FILE]

Every number of workers trains the same steps with labels. In a first epoch the workers start and
frames enter the cache. The epochs after it are measured. A step has two parts: waiting
for the batch, and the model with its optimiser. The share that is not the model is what more
workers can save. The losses must be the same for all.
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
    waiting = training = 0.0
    frames, losses, startup = 0, [], 0.0
    for epoch in range(epochs + 1):
        mark = time.perf_counter()
        for step, batch in enumerate(stream.load_epoch(epoch)):
            ready = time.perf_counter()
            torch.manual_seed(derive_seed(config.seed, epoch, step))
            loss = task(batch.to(device))["total"]
            optimizer.zero_grad(set_to_none=True)
            torch.autograd.backward(loss)
            optimizer.step()
            losses.append(float(loss.detach()))  # waits for the device
            done = time.perf_counter()
            if epoch == 0:
                startup += done - mark
            else:
                waiting, training = waiting + ready - mark, training + done - ready
                frames += len(batch)
            mark = done
    return {
        "workers": config.data.workers,
        "frames": frames,
        "frames_per_s": frames / (waiting + training),
        "share_not_model": waiting / (waiting + training),
        "first_epoch_s": startup,
        "loss": losses[-1],
    }


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--preset", default="tiny")
    parser.add_argument("--set", dest="settings", action="append", default=[])
    parser.add_argument("--workers", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, help="JSON file for the result")
    options = parser.parse_args()
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
