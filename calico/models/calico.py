"""The whole network: two branches, fusion, trunk, heads.

Options and their sources: docs/explanation/model.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from calico.config.schema import Config
from calico.config.sizes import camera_stride
from calico.data.batch import Batch
from calico.errors import CalicoError
from calico.models.bev_backbone import BevTrunk
from calico.models.camera import ImageEncoder
from calico.models.decode import Detections, decode_boxes
from calico.models.fuse import AddFuser, ConvFuser
from calico.models.heads.center import CenterHead, TaskOutput
from calico.models.heads.segmentation import SegmentationHead
from calico.models.images import fit_views, normalise_images
from calico.models.layers import at_least_float32, full_precision
from calico.models.lift import Lift
from calico.models.modes import evaluation_mode
from calico.models.pillars import PillarEncoder
from calico.models.results import to_predictions
from calico.predictions import Predictions
from calico.seeds import derive_seed

MAX_PARAMETERS = 2_000_000_000
"""The `full` preset has some tens of millions."""


@dataclass(frozen=True)
class Outputs:
    """What the network computes, before decoding.

    Attributes:
        tasks: One TaskOutput per detection task, or () without a detection head.
        map_logits: (B, K, Y, X) logits on the map grid, or None.
        bev: (B, C, Y, X) features of the trunk.
    """

    tasks: tuple[TaskOutput, ...]
    map_logits: Tensor | None
    bev: Tensor


class CalicoModel(nn.Module):
    """Camera-LiDAR network for 3D detection and map segmentation in the bird's-eye view.

    Both branches deliver features on one grid, `branch_grid` (pillars grouped by `bev.strides[0]`).

    Args:
        config: Configuration. `calico.config.model.ModelConfig` lists the options.

    Raises:
        CalicoError: Settings do not fit each other.
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config, self.taxonomy = config, config.taxonomy.build()
        model, pillars = config.model, config.grid.pillars
        first = model.bev.strides[0]
        self.branch_grid, self.trunk_grid = (
            pillars.coarsen_by(first),
            pillars.coarsen_by(model.bev.out_stride),
        )
        self.lidar: PillarEncoder | None = None
        self.camera: ImageEncoder | None = None
        self.fuser: nn.Module | None = None
        channels = 0
        if model.lidar is not None:
            channels = model.lidar.pillar_channels
            self.lidar = PillarEncoder(pillars, config.grid.z_range_m, channels, first)
        if model.camera is not None:
            self.camera = ImageEncoder(model.camera)
            stride = camera_stride(config)
            self.lift = Lift(model.camera, pillars.coarsen_by(stride), self.camera.origin_px)
            self.camera_upsample = (
                nn.Upsample(scale_factor=stride // first, mode="bilinear")
                if stride > first
                else None
            )
            channels = model.camera.channels
        if model.lidar is not None and model.camera is not None:
            if model.fuser == "add":
                self.fuser = AddFuser()
            else:
                channels = model.bev.channels[0]
                self.fuser = ConvFuser(model.camera.channels, model.lidar.pillar_channels, channels)
        self.backbone = BevTrunk(model.bev, channels)
        self.center = (
            None
            if model.detection is None
            else CenterHead(model.detection, self.backbone.out_channels)
        )
        self.segmentation = (
            None
            if model.map is None
            else SegmentationHead(
                model.map, self.backbone.out_channels, self.trunk_grid, config.grid.map
            )
        )

    def lidar_bev(self, batch: Batch) -> Tensor:
        """Return the (B, C, Y, X) LiDAR features on `branch_grid`."""
        if self.lidar is None:
            raise CalicoError("this model has no LiDAR branch (model.lidar is null)")
        features: Tensor = self.lidar(batch.points, batch.point_mask)
        return features

    def camera_bev(self, batch: Batch) -> Tensor:
        """Return the (B, C, Y, X) camera features on `branch_grid`."""
        return self.lift_images(batch.images, batch.image_from_lidar, batch.image_sizes)

    def lift_images(
        self,
        images: Tensor,
        image_from_lidar: Tensor,
        image_sizes: Sequence[Sequence[tuple[int, int]]] = (),
    ) -> Tensor:
        """Compute camera features in the bird's-eye view.

        Args:
            images: (B, V, 3, H, W) raw RGB in 0..1.
            image_from_lidar: (B, V, 4, 4) projections to raw pixels.
            image_sizes: See `Batch.image_sizes`.

        Returns:
            (B, C, Y, X) features on `branch_grid`.

        Raises:
            CalicoError: The model has no camera branch, or the batch has no images.
        """
        if self.camera is None or self.config.model.camera is None:
            raise CalicoError("this model has no camera branch (model.camera is null)")
        b, v = images.shape[:2]
        if v == 0:
            raise CalicoError(
                "the batch has no images, but the model has a camera branch; expected at least one "
                "view"
            )
        with full_precision(images):
            fitted, matrices = fit_views(
                images, image_from_lidar, self.config.model.camera.image_size, image_sizes
            )
        features = self.camera(normalise_images(fitted))
        with full_precision(images):
            bev: Tensor = self.lift(at_least_float32(features.unflatten(0, (b, v))), matrices)
        return bev if self.camera_upsample is None else self.camera_upsample(bev)

    def fuse_branches(self, camera: Tensor | None, lidar: Tensor | None) -> Tensor:
        """Turn the branches' features into the trunk's input.

        Args:
            camera: (B, C1, Y, X) camera features, or None for a model without cameras.
            lidar: (B, C2, Y, X) LiDAR features, or None for a model without LiDAR.

        Returns:
            The fused features. A model of one sensor passes its own features on.

        Raises:
            CalicoError: The features are not those of the model's branches.
        """
        if camera is not None and lidar is not None:
            if self.fuser is None:
                raise CalicoError("this model has one branch; got features of two")
            fused: Tensor = self.fuser(camera, lidar)
            return fused
        alone = camera if lidar is None else lidar
        if alone is None or self.fuser is not None:
            raise CalicoError(
                "features of a branch are missing; expected camera and LiDAR features for a fused "
                "model"
            )
        return alone

    def run_trunk(self, features: Tensor) -> Tensor:
        """Turn (B, C, Y, X) on `branch_grid` into (B, C', Y', X') on `trunk_grid`."""
        bev: Tensor = self.backbone(features)
        return bev

    def lidar_features(self, batch: Batch) -> Tensor:
        """Return the (B, C', Y', X') trunk features of the LiDAR alone.

        The camera half of a fused model gets zeros.
        """
        lidar = self.lidar_bev(batch)
        if self.camera is None or self.config.model.camera is None:
            return self.run_trunk(lidar)
        camera = lidar.new_zeros(len(lidar), self.config.model.camera.channels, *lidar.shape[2:])
        return self.run_trunk(self.fuse_branches(camera, lidar))

    def run_heads(self, bev: Tensor) -> Outputs:
        """Return the heads' answers on trunk features."""
        return Outputs(
            tasks=() if self.center is None else self.center(bev),
            map_logits=None if self.segmentation is None else self.segmentation(bev),
            bev=bev,
        )

    def forward(self, batch: Batch) -> Outputs:
        """Turn raw sensor tensors into logits, differentiable in point values and images."""
        camera = None if self.camera is None else self.camera_bev(batch)
        lidar = None if self.lidar is None else self.lidar_bev(batch)
        return self.run_heads(self.run_trunk(self.fuse_branches(camera, lidar)))

    def decode_outputs(self, outputs: Outputs) -> Detections:
        """Turn outputs into boxes (see `calico.models.decode`).

        Raises:
            CalicoError: The model has no detection head.
        """
        if self.config.model.detection is None:
            raise CalicoError("this model has no detection head (model.detection is null)")
        return decode_boxes(
            outputs.tasks, self.config.model.detection, self.trunk_grid, self.taxonomy
        )

    @torch.no_grad()
    def predict(self, batch: Batch) -> list[Predictions]:
        """Predict each frame in evaluation mode.

        Every submodule gets its own mode back.
        """
        with evaluation_mode(self):
            outputs = self(batch)
        maps = (
            None if outputs.map_logits is None else torch.sigmoid(outputs.map_logits).cpu().numpy()
        )
        if self.config.model.detection is None:
            return to_predictions(None, None, None, maps, len(batch))
        found = self.decode_outputs(outputs)
        boxes, scores, labels = (
            tensor.cpu().numpy() for tensor in (found.boxes, found.scores, found.labels)
        )
        return to_predictions(boxes, scores, labels, maps, len(batch))


def describe_weights(config: Config) -> dict[str, Tensor]:
    """Return names, shapes and types of a model's weights and buffers.

    No memory is allocated.

    Args:
        config: Configuration of the model.

    Raises:
        CalicoError: The model would have more than MAX_PARAMETERS.
    """
    camera = config.model.camera and config.model.camera.model_copy(
        update={"backbone_weights": None}
    )
    bare = config.model_copy(update={"model": config.model.model_copy(update={"camera": camera})})
    with torch.device("meta"):
        weights = CalicoModel(bare).state_dict()
    count = sum(value.numel() for value in weights.values())
    if count > MAX_PARAMETERS:
        raise CalicoError(
            f"model: {count} parameters, expected at most {MAX_PARAMETERS}; choose fewer channels "
            f"or layers"
        )
    return weights


def build_model(config: Config, seed: int) -> CalicoModel:
    """Build a model with random weights.

    Torch's global random state stays the same.

    Args:
        config: Configuration of the model.
        seed: Seed that draws the weights.

    Raises:
        CalicoError: Settings do not fit each other, or the model has more than MAX_PARAMETERS.
    """
    describe_weights(config)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(seed, "model"))
        return CalicoModel(config)
