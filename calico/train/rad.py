"""The second stage, without labels: distillation from the frozen LiDAR branch to the cameras."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from calico.config.schema import Config
from calico.data.source import FrameSource
from calico.errors import CalicoError
from calico.losses.rad import dense_distillation, region_aware_distillation
from calico.models.calico import CalicoModel
from calico.models.embed import Projector, sample_bev
from calico.train.checkpoint import MODEL_FILE, save_model
from calico.train.contrast import UNUSED, ContrastBatch, ContrastLoader
from calico.train.embedding_health import effective_rank, without_undefined
from calico.train.prc import make_projector
from calico.train.task import Measure, Task

if TYPE_CHECKING:
    from typing_extensions import Self


class Rad(Task[ContrastBatch]):
    """Region-aware distillation (RAD) from the LiDAR branch to the cameras.

    The image backbone, its neck and the view transform learn, through a projector of their own.
    Everything else is frozen, including its batch statistics. With the teacher `fused` [D] the
    frozen trunk sees the student's camera features (without gradient) and those of the LiDAR. With
    `lidar` it sees the LiDAR's alone.

    Args:
        config: Configuration of the run. `pretrain.rad` chooses loss and teacher.
        source: Frames, whose labels are not read.
        model: Network with the weights that PRC left. Its camera branch is changed.
        projector: Projector that PRC trained.
        measure: Diagnostics of the features.

    Attributes:
        model: The network.
        projector: The student's projector.
        teacher: PRC's projector, frozen.

    Raises:
        CalicoError: The model lacks one of the two sensors.
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
        camera, settings = config.model.camera, config.pretrain.rad
        if model.lidar is None or camera is None or model.camera is None:
            raise CalicoError(
                "stage rad: needs model.lidar (teacher) and model.camera (student), and one is "
                "null; use --init prc or random"
            )
        loader = ContrastLoader(
            source,
            config.pretrain.regions,
            config.pretrain.samples,
            settings.augment,
            config.grid,
            config.seed,
            stage="rad",
            n_views=1,
            image_size=camera.image_size,
            cells_m=model.trunk_grid.cell_m if settings.loss == "dense" else None,
        )
        super().__init__(config, settings.train, loader, list(range(len(source))), len(source))
        device = next(model.parameters()).device
        self.model = model.requires_grad_(False)
        self.projector = make_projector(config, "camera").to(device)
        self.teacher = projector.requires_grad_(False).to(device)
        model.camera.requires_grad_(True)
        model.lift.requires_grad_(True)
        self._measure = measure
        self._last: tuple[Tensor, Tensor] | None = None

    def train(self, mode: bool = True) -> Self:
        """Set the mode of what learns.

        What is frozen stays in evaluation mode.

        Args:
            mode: True for training.
        """
        super().train(False)
        for part in (self.model.camera, self.model.lift, self.projector):
            assert part is not None  # checked when the task was made
            part.train(mode)
        return self

    def forward(self, batch: ContrastBatch) -> dict[str, Tensor]:
        """Return the terms of `pretrain.rad.loss`, averaged over the frames of a batch."""
        view, used = batch.views[0], batch.region != UNUSED
        camera_bev = self.model.camera_bev(view)
        student = self.projector(sample_bev(camera_bev, batch.xy[0], self.model.branch_grid)[used])
        teacher = self._teach(batch, camera_bev)
        self._last = student.detach(), teacher
        if self.config.pretrain.rad.loss == "dense":
            return {"total": dense_distillation(student, teacher)}
        sizes = used.sum(1).tolist()
        parts = zip(
            *(torch.split(t, sizes) for t in (student, teacher, batch.region[used])), strict=True
        )
        terms = [self._distil(*part) for part in parts]
        return {name: torch.stack([term[name] for term in terms]).mean() for name in terms[0]}

    def measure_quality(self) -> dict[str, float | None]:
        """Return the health of the last batch's embeddings, and the diagnostics of the features."""
        health: dict[str, float] = {}
        if self._last is not None:
            student, teacher = self._last
            health = {
                "student_teacher_cosine": float((student * teacher).sum(1).mean()),
                "effective_rank": effective_rank(student),
            }
        return {**without_undefined(health), **self._measure(self.model.eval(), self.config)}

    def save_files(self, folder: Path) -> None:
        """Write `model.safetensors`: LiDAR as PRC left it, distilled cameras, untrained heads."""
        save_model(folder / MODEL_FILE, self.model, self.config)

    @torch.no_grad()
    def _teach(self, batch: ContrastBatch, camera_bev: Tensor) -> Tensor:
        """The teacher's embeddings of the used points."""
        view, used = batch.views[0], batch.region != UNUSED
        if self.config.pretrain.rad.teacher == "fused":
            features = self.model.run_trunk(
                self.model.fuse_branches(camera_bev, self.model.lidar_bev(view))
            )
        else:
            features = self.model.lidar_features(view)
        embeddings: Tensor = self.teacher(
            sample_bev(features, batch.xy[0], self.model.trunk_grid)[used]
        )
        return embeddings

    def _distil(self, student: Tensor, teacher: Tensor, region: Tensor) -> dict[str, Tensor]:
        """The terms of one frame."""
        settings = self.config.pretrain.rad
        taus = {"region_nce": [0.0], "kl": [settings.teacher_temperature]}
        taus["both"] = taus["region_nce"] + taus["kl"]
        terms = {
            "kl" if tau else "region_nce": region_aware_distillation(
                student,
                teacher,
                region,
                temperature=settings.temperature,
                teacher_temperature=tau,
            )
            for tau in taus[settings.loss]
        }
        return {**terms, "total": torch.stack(list(terms.values())).sum()}
