"""Train the network of plain_fusion.py on the simulator: python examples/train_plain_fusion.py.

Takes some minutes on two CPU cores and writes plain_fusion.safetensors, in half precision, beside
this file. Unlike the network itself, this script takes frames from CALICO's simulator.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from calico.config.presets import make_tiny  # noqa: E402
from calico.data.batch import Batch, collate_frames  # noqa: E402
from calico.data.open import open_source  # noqa: E402
from examples.plain_fusion import CELL_M, CELLS, CLASSES, REACH_M, WEIGHTS, Network  # noqa: E402

FRAMES, BATCH, STEPS, RATE = 66, 3, 320, 4e-3
BLIND_SHARE = 0.4
"""Share of the steps without points, so that the network also learns to look."""
SIGMA_CELLS = 1.0


def train(batches: list[Batch]) -> Network:
    """Train on single frames, BATCH of them a step."""
    torch.manual_seed(0)
    net = Network()
    optimiser = torch.optim.AdamW(net.parameters(), RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, STEPS)
    start = time.monotonic()
    for step in range(STEPS):
        value = torch.zeros(())
        for index in torch.randperm(len(batches))[:BATCH].tolist():
            batch = batches[index]
            if torch.rand(()) < BLIND_SHARE:
                batch = replace(batch, point_mask=torch.zeros_like(batch.point_mask))
            value = value + detection_loss(net(batch), batch) / BATCH
        optimiser.zero_grad()
        value.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optimiser.step()
        schedule.step()
        if step % 25 == 0 or step == STEPS - 1:
            print(f"{step} {value.item():.3f} {time.monotonic() - start:.0f} s", flush=True)
    return net


def detection_loss(outputs: tuple[Tensor, Tensor], batch: Any) -> Tensor:
    """Gaussian focal loss (CornerNet) of the heat maps and L1 of the boxes of one frame."""
    logits, boxes = outputs[0][0], outputs[1][0]
    heat, total, count = torch.zeros_like(logits), logits.new_zeros(()), 1
    y, x = torch.meshgrid(torch.arange(CELLS), torch.arange(CELLS), indexing="ij")
    for box, label in zip(batch.boxes[0], batch.labels[0].tolist(), strict=True):
        if label not in CLASSES or float(box[:2].abs().max()) >= REACH_M - CELL_M:
            continue
        column, row = ((box[:2] + REACH_M) / CELL_M).long().tolist()
        bump = torch.exp(-((x - column) ** 2 + (y - row) ** 2) / (2 * SIGMA_CELLS**2))
        channel = CLASSES.index(label)
        heat[channel] = torch.maximum(heat[channel], bump)
        center = (torch.tensor([column, row]) + 0.5) * CELL_M - REACH_M
        heading = torch.stack([box[6].sin(), box[6].cos()])
        wanted = torch.cat([box[:2] - center, box[2:3], box[3:6].log(), heading])
        total, count = total + (boxes[:, row, column] - wanted).abs().sum(), count + 1
    true = heat >= 1.0
    p = logits.sigmoid()
    focal = torch.where(
        true,
        (1 - p) ** 2 * F.softplus(-logits),
        (1 - heat) ** 4 * p**2 * F.softplus(logits),
    )
    return (focal.sum() + 0.25 * total) / count


def main() -> None:
    """Train and write the weights."""
    source = open_source(make_tiny(), "train")
    step = len(source) // FRAMES
    batches = [collate_frames([source[index * step]]) for index in range(FRAMES)]
    net = train(batches)
    save_file({name: value.half() for name, value in net.state_dict().items()}, WEIGHTS)


if __name__ == "__main__":
    main()
