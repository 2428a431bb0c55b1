"""The second stage: region-aware distillation from the frozen LiDAR branch to the cameras, no labels (paper.md section 3)."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from calico.config.schema import Config
from calico.data.source import FrameSource
from calico.errors import CalicoError
from calico.losses.rad import dense_distillation, region_aware_distillation
from calico.models.calico import CalicoModel
from calico.models.embed import Projector, sample_bev
from calico.train.checkpoint import MODEL_FILE, save_model
from calico.train.contrast import UNUSED, ContrastBatch, ContrastLoader
from calico.train.embedding_health import effective_rank, finite
from calico.train.finetune import Measure
from calico.train.prc import make_projector


class Rad:
    """The task of `calico.train.loop.fit` for RAD.

    The image backbone, its neck and the view transform learn, through a projector of their own; all else is frozen, its batch
    statistics included. With teacher `fused` [D] the frozen trunk sees the student's camera features (without gradient) and the
    LiDAR's; with `lidar` the LiDAR's alone.

    Args:
        model: with the weights that PRC left.
        projector: PRC's.
    """

    name = "rad"

    def __init__(
        self,
        config: Config,
        source: FrameSource,
        model: CalicoModel,
        projector: Projector,
        measure: Measure,
    ) -> None:
        camera = config.model.camera
        if model.lidar is None or camera is None or model.camera is None:
            raise CalicoError(
                "stage rad: needs model.lidar (teacher) and model.camera (student), and one is null; use --init prc or random"
            )
        self.config, self.settings = config, config.pretrain.rad
        self.schedule, self._measure = self.settings.train, measure
        self.frames = list(range(len(source)))
        self.epoch_length = len(source)
        self.model, self.teacher_projector = model, projector
        device = next(model.parameters()).device
        self.student_projector = make_projector(config, "camera").to(device)
        model.requires_grad_(False)
        self._students = [model.camera, model.lift]
        for part in self._students:
            part.requires_grad_(True)
        projector.requires_grad_(False).to(device)
        self.module = nn.ModuleDict(
            {"model": model, "projector": self.student_projector, "teacher": projector}
        )
        self.loader = ContrastLoader(
            source, config.pretrain.regions, config.pretrain.samples, self.settings.augment, config.grid, config.seed,
            stage="rad", n_views=1, image_size=camera.image_size,
            cells_m=model.trunk_grid.cell_m if self.settings.loss == "dense" else None,
        )  # fmt: skip
        self._last: tuple[Tensor, Tensor] | None = None

    def losses(self, batch: ContrastBatch) -> dict[str, Tensor]:
        """The terms of `rad.loss`."""
        self.module.eval()
        for part in (*self._students, self.student_projector):
            part.train()
        view, used = batch.views[0], batch.region != UNUSED
        camera_bev = self.model.camera_bev(view)
        student = self.student_projector(
            sample_bev(camera_bev, batch.xy[0], self.model.branch_grid)[used]
        )
        with torch.no_grad():
            if self.settings.teacher == "fused":
                features = self.model.trunk(self.model.fuse(camera_bev, self.model.lidar_bev(view)))
            else:
                features = self.model.lidar_features(view)
            teacher = self.teacher_projector(
                sample_bev(features, batch.xy[0], self.model.trunk_grid)[used]
            )
        self._last = student.detach(), teacher
        if self.settings.loss == "dense":
            return {"total": dense_distillation(student, teacher)}
        sizes = used.sum(1).tolist()
        parts = zip(
            *(torch.split(t, sizes) for t in (student, teacher, batch.region[used])), strict=True
        )
        terms = [self._terms(*part) for part in parts]
        return {name: torch.stack([term[name] for term in terms]).mean() for name in terms[0]}

    def measure(self) -> dict[str, float | None]:
        """Label-free health of the last batch's embeddings, and what `measure` says of the features."""
        health: dict[str, float] = {}
        if self._last is not None:
            student, teacher = self._last
            health = {
                "student_teacher_cosine": float((student * teacher).sum(1).mean()),
                "effective_rank": effective_rank(student),
            }
        return {**finite(health), **self._measure(self.model.eval(), self.config)}

    def save(self, folder: Path) -> None:
        """`model.safetensors`: the LiDAR side as PRC left it, the camera branch as distilled, heads untrained."""
        save_model(folder / MODEL_FILE, self.model, self.config)

    def _terms(self, student: Tensor, teacher: Tensor, region: Tensor) -> dict[str, Tensor]:
        """One frame."""
        taus = {"region_nce": [0.0], "kl": [self.settings.teacher_temperature]}
        taus["both"] = taus["region_nce"] + taus["kl"]
        terms = {
            "kl" if tau else "region_nce": region_aware_distillation(
                student,
                teacher,
                region,
                temperature=self.settings.temperature,
                teacher_temperature=tau,
            )
            for tau in taus[self.settings.loss]
        }
        return {**terms, "total": torch.stack(list(terms.values())).sum()}
