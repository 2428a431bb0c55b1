"""What a graph file says about itself, so that it runs without anything else."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Literal

import torch
from torch import nn

from calico import __version__
from calico.config.schema import Config
from calico.export.pillars import PillarBudget
from calico.geometry.image_fit import ImageFit

Target = Literal["ort", "trt"]
FORMAT = "calico-graph-1"
CONVENTIONS = (
    "LiDAR frame: x forward, y left, z up, metres. Points: x, y, z, intensity 0..1, age in "
    "seconds. Boxes: x, y, z of the "
    "centre, length, width, height [m], yaw counter-clockwise from x [rad], vx, vy [m/s]. Maps: "
    "[class, row = y, column = x]. "
    "image_from_lidar takes LiDAR points to (u*d, v*d, d, 1) of raw pixels, pixel (0, 0) the "
    "centre of the top left one. "
    "Images: RGB 0..1, raw size."
)


@dataclass(frozen=True)
class GraphMetadata:
    """The card of one graph.

    Attributes:
        target: `ort` takes points, `trt` takes points grouped by pillar (`calico.export.pillars`).
        config: The model's configuration without machine paths.
        inputs: Names of the inputs, in order.
        outputs: Names of the outputs, in order.
        views: Number of images, or 0 without cameras.
        raw_hw: Height and width of the images [px], or (0, 0) without cameras.
        pillars: Size of the grouped buffers (trt), else None.
        weights_sha256: Digest of the torch weights.
        calico_version: Version that exported the graph.
    """

    target: Target
    config: Config
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    views: int
    raw_hw: tuple[int, int]
    pillars: PillarBudget | None
    weights_sha256: str
    calico_version: str = __version__

    def to_properties(self) -> dict[str, str]:
        """Return the ONNX metadata properties.

        `calico` holds the whole card as JSON. The others repeat parts of it for other programs.
        """
        model, grid = self.config.model, self.config.grid
        card = {
            **{
                name: getattr(self, name)
                for name in ("target", "inputs", "outputs", "views", "raw_hw")
            },
            "format": FORMAT,
            "pillars": None if self.pillars is None else asdict(self.pillars),
            "weights_sha256": self.weights_sha256,
            "calico_version": self.calico_version,
            "config": self.config.model_dump(mode="json"),
        }
        properties: dict[str, object] = {
            "calico": card,
            "calico_version": self.calico_version,
            "class_names": self.config.taxonomy.build().names if model.detection else [],
            "map_classes": model.map.classes if model.map else [],
            "pillar_grid": {
                **asdict(grid.pillars),
                "z_min_m": grid.z_range_m[0],
                "z_max_m": grid.z_range_m[1],
            },
            "map_grid": asdict(grid.map) if model.map else None,
            "score_threshold": model.detection.score_threshold if model.detection else None,
            "image_rule": asdict(ImageFit.from_sizes(self.raw_hw, model.camera.image_size))
            if model.camera
            else None,
            "frame_conventions": CONVENTIONS,
            "weights_sha256": self.weights_sha256,
        }
        return {
            name: value if isinstance(value, str) else json.dumps(value, sort_keys=True)
            for name, value in sorted(properties.items())
        }


def weights_sha256(model: nn.Module) -> str:
    """Return the hex digest of all weights and buffers of a module, by name."""
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(
            tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
        )
    return digest.hexdigest()
