"""The first stage: point-region contrast on the LiDAR branch, without labels (paper.md section 2), and its baselines."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from calico.config.schema import Config
from calico.data.source import FrameSource
from calico.errors import CalicoError
from calico.losses.prc import (
    gather_embeddings,
    info_nce,
    point_region_contrast,
    pooled_region_contrast,
)
from calico.models.calico import CalicoModel
from calico.models.embed import Projector, sample_bev
from calico.models.fuse import ConvFuser
from calico.seeds import derive_seed
from calico.train.checkpoint import MODEL_FILE, load_weights, save_model, save_weights
from calico.train.contrast import UNUSED, ContrastBatch, ContrastLoader
from calico.train.embedding_health import alignment, effective_rank, finite, uniformity
from calico.train.finetune import Measure

PROJECTOR, PROJECTOR_FILE = "projector of prc", "projector.safetensors"


class Prc:
    """The task of `calico.train.loop.fit` for PRC.

    The LiDAR branch, the fuser's LiDAR half and the trunk learn; an embedding is the trunk's feature at a point [D], projected.
    """

    name = "prc"

    def __init__(
        self, config: Config, source: FrameSource, model: CalicoModel, measure: Measure
    ) -> None:
        if model.lidar is None:
            raise CalicoError(
                "stage prc: model.lidar is null, but the contrast is on the LiDAR branch; use --init random"
            )
        self.config, self.settings = config, config.pretrain.prc
        self.schedule, self._measure = self.settings.train, measure
        self.frames = list(range(len(source)))
        self.epoch_length = len(source)
        self.model = model
        self.projector = make_projector(config, "lidar").to(next(model.parameters()).device)
        frozen = [
            model.camera,
            *((model.lift,) if model.camera else ()),
            model.center,
            model.segmentation,
        ]
        for part in frozen:
            if part is not None:
                part.requires_grad_(False)
        self.module = nn.ModuleDict({"model": model, "projector": self.projector})
        if self.settings.loss == "scene" and self.schedule.batch_size < 2:
            raise CalicoError(
                "stage prc: loss scene contrasts the frames of a batch; got batch_size 1, expected 2 or more"
            )
        self._camera_half = None if model.fuser is None else _camera_half(model).clone()
        cells = self.settings.loss == "cell"
        self.loader = ContrastLoader(
            source, config.pretrain.regions, config.pretrain.samples, self.settings.augment, config.grid, config.seed,
            stage="prc", n_views=2, image_size=None, cells_m=model.trunk_grid.cell_m if cells else None,
        )  # fmt: skip
        self._last: tuple[Tensor, Tensor, Tensor] | None = None

    def losses(self, batch: ContrastBatch) -> dict[str, Tensor]:
        """The terms of `prc.loss`."""
        self.module.train()
        self._restore()
        features = [self.model.lidar_features(view) for view in batch.views]
        if self.settings.loss == "scene":
            first, second = (self.projector(feature.mean((2, 3))) for feature in features)
            self._last = (
                first.detach(),
                second.detach(),
                torch.arange(len(first), device=first.device),
            )
            return {"total": info_nce(first, second, temperature=self.settings.temperature)}
        used = batch.region != UNUSED
        first, second = (
            self.projector(sample_bev(feature, xy, self.model.trunk_grid)[used])
            for feature, xy in zip(features, batch.xy, strict=True)
        )
        self._last = first.detach(), second.detach(), batch.region[used]
        if self.settings.negatives == "batch":
            return self._terms(
                *gather_embeddings(first, second, _unique_regions(batch.region)[used])
            )
        sizes = used.sum(1).tolist()
        parts = zip(
            *(torch.split(t, sizes) for t in (first, second, batch.region[used])), strict=True
        )
        terms = [self._terms(*part) for part in parts]
        return {name: torch.stack([term[name] for term in terms]).mean() for name in terms[0]}

    def measure(self) -> dict[str, float | None]:
        """Label-free health of the last batch's embeddings, and what `measure` says of the features."""
        health: dict[str, float] = {}
        if self._last is not None:
            first, second, region = self._last
            health = {
                "alignment": alignment(first, second, region),
                "uniformity": uniformity(first),
                "effective_rank": effective_rank(first),
            }
        return {**finite(health), **self._measure(self.model.eval(), self.config)}

    def save(self, folder: Path) -> None:
        """`model.safetensors` (heads and cameras untrained) and the projector, which distillation needs."""
        self._restore()
        save_weights(folder / PROJECTOR_FILE, self.projector, PROJECTOR)
        save_model(folder / MODEL_FILE, self.model, self.config)

    @torch.no_grad()
    def _restore(self) -> None:
        """Undoes the weight decay of the fuser's weights for the cameras, which see only zeros here."""
        if self._camera_half is not None:
            _camera_half(self.model).copy_(self._camera_half)

    def _terms(self, first: Tensor, second: Tensor, region: Tensor) -> dict[str, Tensor]:
        tau = self.settings.temperature
        if self.settings.loss == "prc":
            return point_region_contrast(
                first, second, region, alpha=self.settings.alpha, temperature=tau
            )
        if self.settings.loss == "pooled":
            return {"total": pooled_region_contrast(first, second, region, temperature=tau)}
        return {"total": info_nce(first, second, temperature=tau)}


def _camera_half(model: CalicoModel) -> Tensor:
    """The fuser's weights on camera features, which come first; empty for a sum."""
    camera = model.config.model.camera
    if camera is None or not isinstance(model.fuser, ConvFuser):
        return torch.zeros(0)
    weight = model.fuser.block[0].weight
    assert isinstance(weight, Tensor)
    return weight.detach()[:, : camera.channels]


def _unique_regions(region: Tensor) -> Tensor:
    """(B, S) region numbers that no two frames share."""
    frame = torch.arange(len(region), device=region.device)[:, None]
    return torch.where(region >= 0, region + frame * (int(region.max()) + 1), region)


def make_projector(config: Config, side: Literal["lidar", "camera"]) -> Projector:
    """An untrained projector for the trunk's features (lidar) or the camera's; the global random state is left alone."""
    bev, prc, camera = config.model.bev, config.pretrain.prc, config.model.camera
    inputs = (
        camera.channels if side == "camera" and camera else bev.neck_channels * len(bev.channels)
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(config.seed, "projector", side))
        return Projector(inputs, prc.hidden_channels, prc.embedding_channels)


def load_projector(config: Config, folder: Path) -> Projector:
    """The trained projector that PRC left in its folder."""
    projector = make_projector(config, "lidar")
    load_weights(folder / PROJECTOR_FILE, projector, PROJECTOR)
    return projector
