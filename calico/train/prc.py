"""The first stage, without labels: point-region contrast on the LiDAR branch, and baselines."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from calico.config.schema import Config
from calico.data.source import FrameSource
from calico.errors import CalicoError
from calico.losses.prc import info_nce, point_region_contrast, pooled_region_contrast
from calico.models.calico import CalicoModel
from calico.models.embed import Projector, sample_bev
from calico.models.fuse import ConvFuser
from calico.seeds import derive_seed
from calico.train.checkpoint import MODEL_FILE, load_weights, save_model, save_weights
from calico.train.contrast import UNUSED, ContrastBatch, ContrastLoader
from calico.train.embedding_health import (
    effective_rank,
    measure_alignment,
    measure_uniformity,
    without_undefined,
)
from calico.train.task import Measure, Task

PROJECTOR, PROJECTOR_FILE = "projector of prc", "projector.safetensors"


class Prc(Task[ContrastBatch]):
    """Point-region contrast (PRC) between two augmented views of a point cloud.

    The LiDAR branch, the LiDAR half of the fuser and the trunk learn. An embedding is the trunk's
    feature at a point [D], projected.

    Args:
        config: Configuration of the run. `pretrain.prc` chooses the loss.
        source: Frames, whose labels are not read.
        model: Network to pre-train. Its weights are changed.
        measure: Diagnostics of the features.

    Attributes:
        model: The network.
        projector: Turns the trunk's features into unit embeddings.

    Raises:
        CalicoError: The model has no LiDAR branch, or the loss `scene` gets batches of one frame.
    """

    name = "prc"

    def __init__(
        self, config: Config, source: FrameSource, model: CalicoModel, measure: Measure
    ) -> None:
        settings = config.pretrain.prc
        if model.lidar is None:
            raise CalicoError(
                "stage prc: model.lidar is null, but the contrast is on the LiDAR branch; use "
                "--init random"
            )
        if settings.loss == "scene" and settings.train.batch_size < 2:
            raise CalicoError(
                "stage prc: loss scene contrasts the frames of a batch; got batch_size 1, "
                "expected 2 or more"
            )
        loader = ContrastLoader(
            source,
            config.pretrain.regions,
            config.pretrain.samples,
            settings.augment,
            config.grid,
            config.seed,
            stage="prc",
            n_views=2,
            image_size=None,
            cells_m=model.trunk_grid.cell_m if settings.loss == "cell" else None,
        )
        super().__init__(config, settings.train, loader, list(range(len(source))), len(source))
        self.model = model
        self.projector = make_projector(config, "lidar").to(next(model.parameters()).device)
        _freeze_unused(model)
        self._measure = measure
        self._camera_half = None if model.fuser is None else _camera_half(model).clone()
        self._last: tuple[Tensor, Tensor, Tensor] | None = None

    def forward(self, batch: ContrastBatch) -> dict[str, Tensor]:
        """Return the terms of `pretrain.prc.loss`, averaged over the frames of a batch."""
        self._restore()
        features = [self.model.lidar_features(view) for view in batch.views]
        settings = self.config.pretrain.prc
        if settings.loss == "scene":
            first, second = (self.projector(feature.mean((2, 3))) for feature in features)
            frame = torch.arange(len(first), device=first.device)
            self._last = first.detach(), second.detach(), frame
            return {"total": info_nce(first, second, temperature=settings.temperature)}
        used = batch.region != UNUSED
        first, second = (
            self.projector(sample_bev(feature, xy, self.model.trunk_grid)[used])
            for feature, xy in zip(features, batch.xy, strict=True)
        )
        self._last = first.detach(), second.detach(), batch.region[used]
        sizes = used.sum(1).tolist()
        parts = zip(
            *(torch.split(t, sizes) for t in (first, second, batch.region[used])), strict=True
        )
        terms = [self._contrast(*part) for part in parts]
        return {name: torch.stack([term[name] for term in terms]).mean() for name in terms[0]}

    def measure_quality(self) -> dict[str, float | None]:
        """Return the health of the last batch's embeddings, and the diagnostics of the features."""
        health: dict[str, float] = {}
        if self._last is not None:
            first, second, region = self._last
            health = {
                "alignment": measure_alignment(first, second, region),
                "uniformity": measure_uniformity(first),
                "effective_rank": effective_rank(first),
            }
        return {**without_undefined(health), **self._measure(self.model.eval(), self.config)}

    def save_files(self, folder: Path) -> None:
        """Write `model.safetensors` (heads and cameras untrained) and the projector for RAD."""
        self._restore()
        save_weights(folder / PROJECTOR_FILE, self.projector, PROJECTOR)
        save_model(folder / MODEL_FILE, self.model, self.config)

    @torch.no_grad()
    def _restore(self) -> None:
        """Undo the weight decay of the fuser's camera weights, which see only zeros here."""
        if self._camera_half is not None:
            _camera_half(self.model).copy_(self._camera_half)

    def _contrast(self, first: Tensor, second: Tensor, region: Tensor) -> dict[str, Tensor]:
        """The terms of one frame."""
        settings = self.config.pretrain.prc
        tau = settings.temperature
        if settings.loss == "prc":
            return point_region_contrast(
                first, second, region, alpha=settings.alpha, temperature=tau
            )
        if settings.loss == "pooled":
            return {"total": pooled_region_contrast(first, second, region, temperature=tau)}
        return {"total": info_nce(first, second, temperature=tau)}


def _freeze_unused(model: CalicoModel) -> None:
    """Exclude cameras and heads from training."""
    unused: list[nn.Module | None] = [model.camera, model.center, model.segmentation]
    if model.camera is not None:
        unused.append(model.lift)
    for part in unused:
        if part is not None:
            part.requires_grad_(False)


def _camera_half(model: CalicoModel) -> Tensor:
    """A view of the fuser's weights for camera features, which come first, or empty for a sum."""
    camera = model.config.model.camera
    if camera is None or not isinstance(model.fuser, ConvFuser):
        return torch.zeros(0)
    weight = model.fuser.block[0].weight
    assert isinstance(weight, Tensor)
    return weight.detach()[:, : camera.channels]


def make_projector(config: Config, side: Literal["lidar", "camera"]) -> Projector:
    """Build an untrained projector.

    Torch's global random state stays the same.

    Args:
        config: Configuration of the run. Its seed draws the weights.
        side: `lidar` for the trunk's features, `camera` for those of the camera branch.
    """
    bev, prc, camera = config.model.bev, config.pretrain.prc, config.model.camera
    inputs = (
        camera.channels if side == "camera" and camera else bev.neck_channels * len(bev.channels)
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(config.seed, "projector", side))
        return Projector(inputs, prc.hidden_channels, prc.embedding_channels)


def load_projector(config: Config, folder: Path) -> Projector:
    """Read the trained projector from a folder of the stage prc.

    Args:
        config: Configuration of the run.
        folder: Folder of the stage.

    Raises:
        CalicoError: The file is missing, damaged or of another shape.
    """
    projector = make_projector(config, "lidar")
    load_weights(folder / PROJECTOR_FILE, projector, PROJECTOR)
    return projector
