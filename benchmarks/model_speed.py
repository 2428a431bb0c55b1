"""How long the model takes on this machine.

A training step by part, inference in torch and in ONNX Runtime.

    python benchmarks/model_speed.py [--preset tiny] [--threads 2] [--batch 4]

Random inputs of the preset's shapes; times per frame, the median of the repeats, after one step to
warm up.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from calico.config.presets import PRESETS
from calico.config.schema import Config
from calico.data.batch import Batch
from calico.device import use_deterministic_algorithms
from calico.export.onnx import export_onnx
from calico.export.parity import onnx_predict
from calico.geometry.image_fit import ImageFit
from calico.losses.supervised import compute_losses
from calico.models.calico import build_model
from calico.models.images import normalise_images

OUTWARD = np.array([[0.0, -1, 0, 0], [0, 0, -1, 0], [1, 0, 0, 0], [0, 0, 0, 1]])


def random_batch(config: Config, frames: int, points: int) -> Batch:
    """Points on the grid, cameras looking outward all around, twenty boxes a frame."""
    generator = torch.Generator().manual_seed(0)
    grid, camera = config.grid.pillars, config.model.camera
    views, (height, width) = (
        len(config.data.cameras),
        (96, 256) if camera is None else camera.image_size,
    )
    low = torch.tensor([grid.x_min_m, grid.y_min_m, config.grid.z_range_m[0], 0.0, 0.0])
    high = torch.tensor([grid.x_max_m, grid.y_max_m, config.grid.z_range_m[1], 1.0, 0.5])
    matrices = []
    for angle in np.arange(views) * 2 * np.pi / views:
        turn = np.eye(4)
        turn[:2, :2] = [[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]
        lens = np.diag([width / 2, width / 2, 1.0, 1.0])
        lens[:2, 2] = [width / 2 - 0.5, height / 2 - 0.5]
        matrices.append(lens @ OUTWARD @ turn)
    boxes = torch.rand(frames, 20, 9, generator=generator) * torch.tensor(
        [40.0, 40, 1, 4, 2, 2, 6, 2, 2]
    )
    rows, columns = config.grid.map.shape
    return Batch(
        points=torch.rand(frames, points, 5, generator=generator) * (high - low) + low,
        point_mask=torch.ones(frames, points, dtype=torch.bool),
        images=torch.rand(frames, views, 3, height, width, generator=generator),
        image_from_lidar=torch.from_numpy(np.stack([matrices] * frames)).float(),
        boxes=tuple(boxes - torch.tensor([20.0, 20, 1, -0.5, -0.5, -0.5, 3, 1, 1])),
        labels=tuple(torch.randint(0, 10, (frames, 20), generator=generator)),
        map_masks=(torch.rand(frames, 6, rows, columns, generator=generator) < 0.2).float(),
    )


def seconds(call: Callable[[], Any], frames: int, repeats: int = 3) -> float:
    """Median time per frame."""
    call()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append((time.perf_counter() - start) / frames)
    return statistics.median(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", default="tiny", choices=sorted(PRESETS))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--points", type=int, default=20_000)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    config = PRESETS[options.preset]()
    frames, batch = options.batch, random_batch(config, options.batch, options.points)
    model = build_model(config, 0)
    optimizer = torch.optim.AdamW(model.parameters(), 1e-3)

    def step() -> None:
        optimizer.zero_grad()
        compute_losses(model, model(batch), batch)["total"].backward()
        optimizer.step()

    def both_ways(part: Callable[[], torch.Tensor]) -> Callable[[], None]:
        return lambda: part().sum().backward()

    weights = sum(parameter.numel() for parameter in model.parameters()) / 1e6
    print(f"{options.preset}, {options.threads} threads, batch {frames}, {weights:.1f} M weights")
    for _ in range(2):
        step()  # the first steps fill torch's caches
    with use_deterministic_algorithms(torch.device("cpu")):
        print(f"training step            {seconds(step, frames):.3f} s/frame")
        if model.lidar is not None:
            print(
                "  LiDAR branch           "
                f"{seconds(both_ways(lambda: model.lidar_bev(batch)), frames):.3f}"
            )
        if model.camera is not None and config.model.camera is not None:
            fit = ImageFit.from_sizes(tuple(batch.images.shape[3:]), config.model.camera.image_size)
            images = normalise_images(fit.resample_images(batch.images.flatten(0, 1)))
            encoder = seconds(both_ways(lambda: model.camera(images)), frames)
            whole = seconds(both_ways(lambda: model.camera_bev(batch)), frames)
            print(
                f"  image backbone, FPN    {encoder:.3f}\n  lift                   "
                f"{whole - encoder:.3f}"
            )
        shape = (frames, model.backbone.levels[0][0][0].in_channels, *model.branch_grid.shape)
        features = torch.rand(shape, requires_grad=True)
        trunk = seconds(both_ways(lambda: model.run_trunk(features)), frames)
        print(f"  trunk                  {trunk:.3f}")
        bev = model.run_trunk(features).detach()
        with_loss = seconds(
            lambda: compute_losses(model, model.run_heads(bev), batch)["total"].backward(), frames
        )
        print(f"  heads and losses       {with_loss:.3f}")
        print(
            f"inference, torch         {seconds(lambda: model.predict(batch), frames):.3f} s/frame"
        )
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        info = export_onnx(model, config, batch, Path(folder) / "model.onnx")
        print(
            f"export                   {time.perf_counter() - start:.1f} s, "
            f"{info.file_bytes / 1e6:.1f} MB"
        )
        predict = onnx_predict(info.path, options.threads)
        print(f"inference, ONNX Runtime  {seconds(lambda: predict(batch), frames):.3f} s/frame")


if __name__ == "__main__":
    main()
