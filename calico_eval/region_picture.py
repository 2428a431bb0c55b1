"""A picture of the embeddings of regions: do regions of one class lie together without labels?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from calico.data.source import FrameSource
from calico.draw.embedding import Method, draw_embedding
from calico.errors import CalicoError
from calico.frame import Float64, Frame, Int64, UInt8
from calico.geometry.boxes import points_in_boxes
from calico.geometry.grid import Grid
from calico.models.calico import CalicoModel
from calico.models.embed import sample_bev
from calico.regions import find_regions
from calico_eval.features import Branch, feature_grid, feature_maps, left_alone


def region_picture(
    model: CalicoModel,
    source: FrameSource,
    indices: Sequence[int],
    *,
    branch: Branch,
    method: Method = "pca",
    seed: int = 0,
    size_px: int = 640,
) -> UInt8:
    """Draw the embeddings of the regions of some frames, coloured by `region_classes`."""
    embeddings, labels = region_embeddings(model, source, indices, branch)
    return draw_embedding(
        embeddings, labels, source.taxonomy.names, method=method, seed=seed, size_px=size_px
    )


def region_embeddings(
    model: CalicoModel, source: FrameSource, indices: Sequence[int], branch: Branch
) -> tuple[Float64, Int64]:
    """Embeddings (R, C) and classes (R,) of all regions of some frames. The model is left as it is.

    A point's embedding is the feature map at its place, scaled to length 1 (no projector:
    fine-tuning drops it); a region's is the mean over its points. Points outside the grid are left
    out, and regions of nothing else.

    Raises:
        CalicoError: no region in any frame.
    """
    grid = feature_grid(model, branch)
    embeddings: list[Float64] = []
    labels: list[Int64] = []
    with left_alone(model):
        for frame, features in feature_maps(model, source, indices, branch):
            regions = find_regions(frame, model.config.pretrain.regions)
            regions = np.where(grid.locate_cells(frame.points[:, :2])[2], regions, -1)
            rows = np.flatnonzero(regions >= 0)
            _, region = np.unique(regions[rows], return_inverse=True)
            embeddings.append(_means(_point_embeddings(features, frame, rows, grid), region))
            labels.append(region_classes(frame, rows, region))
    if not sum(map(len, labels)):
        raise CalicoError(
            f"data {source.name}: no region in {len(indices)} frames; see pretrain.regions"
        )
    return np.concatenate(embeddings), np.concatenate(labels)


def region_classes(frame: Frame, rows: Int64, region: Int64) -> Int64:
    """Find the class that most points of each region belong to, for colouring only.

    It is -1 if most points lie in no object.

    Args:
        frame: The frame with its ground truth.
        rows: (P,) the points that are in regions.
        region: (P,) their regions, 0 to R - 1.
    """
    owner = np.full(len(rows), -1, np.int64)
    for inside, label in zip(
        points_in_boxes(frame.points[rows], frame.boxes.boxes), frame.boxes.labels, strict=True
    ):
        owner[inside] = label
    votes = np.zeros((region.max(initial=-1) + 1, len(frame.taxonomy.classes) + 1), np.int64)
    np.add.at(votes, (region, owner + 1), 1)
    result: Int64 = votes.argmax(axis=1) - 1
    return result


def _point_embeddings(features: Tensor, frame: Frame, rows: Int64, grid: Grid) -> Float64:
    """(P, C) unit vectors."""
    xy = torch.from_numpy(frame.points[rows, :2]).to(features.device)
    sampled = sample_bev(features[None].float(), xy[None], grid)[0]
    result: Float64 = torch.nn.functional.normalize(sampled, dim=-1).double().cpu().numpy()
    return result


def _means(values: Float64, group: Int64) -> Float64:
    """(R, C) means of the rows (P, C) of each group."""
    sums = np.zeros((group.max(initial=-1) + 1, values.shape[1]))
    np.add.at(sums, group, values)
    return sums / np.bincount(group, minlength=len(sums))[:, None]
