"""The deployed graph, and how its inputs are made and its outputs are read.

Inputs, in this order, as far as the model has the sensor (B frames, V cameras). B is dynamic, and
for `ort` N is, too.

| name | shape | target |
|---|---|---|
| points | (B, N, 5) float32 | ort |
| point_mask | (B, N) bool | ort |
| pillar_points | (B, P, T, 5) float32 | trt |
| pillar_count | (B, P) int64 | trt |
| pillar_cell | (B, P) int64 | trt |
| pillar_mean | (B, P, 3) float32 | trt |
| images | (B, V, 3, H, W) float32 RGB 0..1 | both |
| image_from_lidar | (B, V, 4, 4) float32 | both |

Images have their raw size. Those of data with several sizes are fitted by `fit_views`.

Outputs, as far as the model has the head: boxes (B, M, 9), scores (B, M), labels (B, M) int64,
nms_residual (B,), map_probs (B, K, Y, X). Slots of score 0 are unused. `calico.frame` has the
conventions, and `calico.export.pillars` describes the grouping.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy.typing as npt
import torch
from torch import Tensor, nn

from calico.data.batch import Batch
from calico.errors import CalicoError
from calico.export.metadata import GraphMetadata, Target
from calico.export.pillars import GroupedPoints, group_points
from calico.export.reading import read_metadata
from calico.export.shapes import POINT_INPUTS, output_shapes
from calico.models.calico import CalicoModel
from calico.models.images import fit_views
from calico.models.results import to_predictions
from calico.predictions import Predictions

__all__ = ["DeployGraph", "graph_inputs", "graph_outputs", "read_metadata"]

Array = npt.NDArray[Any]
_KINDS = {"real": "f", "integer": "iu", "bool": "b"}


class DeployGraph(nn.Module):
    """A CalicoModel in evaluation mode with its decoding.

    It takes named tensors and returns a tuple in the order of `output_names`.
    """

    def __init__(self, model: CalicoModel, target: Target) -> None:
        super().__init__()
        self.model, self.target = model, target
        self.eval()

    def forward(self, inputs: dict[str, Tensor]) -> tuple[Tensor, ...]:
        """Run the graph.

        The module lists inputs and outputs.
        """
        model, camera, lidar = self.model, None, None
        if model.camera is not None:
            camera = model.lift_images(inputs["images"], inputs["image_from_lidar"])
        if model.lidar is not None:
            tensors = [inputs[name] for name in POINT_INPUTS[self.target]]
            lidar = (
                model.lidar(*tensors) if self.target == "ort" else model.lidar.from_rows(*tensors)
            )
        outputs = model.run_heads(model.run_trunk(model.fuse_branches(camera, lidar)))
        result: tuple[Tensor, ...] = ()
        if outputs.tasks:
            found = model.decode_outputs(outputs)
            result += (found.boxes, found.scores, found.labels, found.residual)
        if outputs.map_logits is not None:
            result += (torch.sigmoid(outputs.map_logits),)
        return result


def graph_inputs(batch: Batch, metadata: GraphMetadata) -> dict[str, Array]:
    """Make the arrays that a graph takes.

    Args:
        batch: Frames.
        metadata: Card of the graph.

    Raises:
        CalicoError: The graph was exported for another number of images, or for another size that
            is not the network's (see `_image_arrays`).
    """
    arrays: dict[str, Array] = {}
    if "images" in metadata.inputs:
        arrays = _image_arrays(batch, metadata)
    if "points" in metadata.inputs:
        arrays |= {
            "points": batch.points.cpu().numpy(),
            "point_mask": batch.point_mask.cpu().numpy(),
        }
    grouped = group_batch(batch, metadata)
    if grouped is not None:
        names = POINT_INPUTS["trt"]
        arrays |= dict(
            zip(names, (grouped.points, grouped.count, grouped.cell, grouped.mean), strict=True)
        )
    return {name: arrays[name] for name in metadata.inputs}


def _image_arrays(batch: Batch, metadata: GraphMetadata) -> dict[str, Array]:
    """Return the images that the graph takes.

    Raw images stay as they are. A graph of the network's image size gets images of any size, fitted
    here.
    """
    images, matrices, camera = batch.images, batch.image_from_lidar, metadata.config.model.camera
    views, size = images.shape[1], (images.shape[3], images.shape[4])
    fits = camera is not None and metadata.raw_hw == tuple(camera.image_size)
    if views != metadata.views or ((batch.image_sizes or size != metadata.raw_hw) and not fits):
        sizes = {size for of_frame in batch.image_sizes for size in of_frame} or {size}
        found = ", ".join(f"{height} x {width}" for height, width in sorted(sizes))
        raise CalicoError(
            f"the graph takes {metadata.views} images of {metadata.raw_hw[0]} x "
            f"{metadata.raw_hw[1]} pixels, the batch has "
            f"{views} of {found}; export for this rig (on data of several image sizes the graph "
            f"then takes any size), or give "
            "the images in the exported size"
        )
    if batch.image_sizes or size != metadata.raw_hw:
        fitted, matrices = fit_views(images, matrices, metadata.raw_hw, batch.image_sizes)
        images = fitted.reshape(*images.shape[:2], *fitted.shape[1:])
    return {"images": images.cpu().numpy(), "image_from_lidar": matrices.cpu().numpy()}


def group_batch(batch: Batch, metadata: GraphMetadata) -> GroupedPoints | None:
    """Group the points of a batch for a `trt` graph, or None for other graphs.

    Args:
        batch: Frames.
        metadata: Card of the graph.

    Returns:
        The rows, with the number of points that found no space in the buffers (`lost`).
    """
    if metadata.pillars is None:
        return None
    grid = metadata.config.grid
    points, mask = batch.points.cpu().numpy(), batch.point_mask.cpu().numpy()
    return group_points(points, mask, grid.pillars, grid.z_range_m, metadata.pillars)


def graph_outputs(
    outputs: Mapping[str, Array], metadata: GraphMetadata, frames: int
) -> list[Predictions]:
    """Turn a graph's output arrays into predictions, after a check of shapes and types.

    Args:
        outputs: Output arrays by name.
        metadata: Card of the graph.
        frames: Number of frames.
    """
    for name, expected in output_shapes(metadata).items():
        array = outputs[name]
        if (
            expected.disagrees_with(array.shape)
            or array.shape[0] != frames
            or array.dtype.kind not in _KINDS[expected.kind]
        ):
            raise CalicoError(
                f"output {name} has the shape {list(array.shape)} and values of type "
                f"{array.dtype}; expected "
                f"{[frames, *expected.sizes[1:]]} and {expected.kind} numbers, as the graph's card "
                f"says"
            )
    maps = outputs.get("map_probs")
    return to_predictions(
        outputs.get("boxes"), outputs.get("scores"), outputs.get("labels"), maps, frames
    )
