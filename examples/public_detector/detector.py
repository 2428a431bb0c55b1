"""NanoDet: objects in one camera image, by a network with scores and distances at each grid cell.

The network is any torch module with the interface of NanoDet: an input (1, 3, S, S) and, for the
strides 8, 16 and 32, scores (1, cells, classes) in 0..1 and distances (1, cells, 4 x 11). A
distance is the mean of a softmax over its bins, in units of the stride, from the centre of a cell
to the left, upper, right and lower side of the box.

Source: https://github.com/RangiLyu/nanodet; distances after "Generalized Focal Loss", Li et al.,
NeurIPS 2020. The image is letterboxed: scaled to the input with its shape kept, and filled up.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor
from torchvision.ops import batched_nms

Array = npt.NDArray[Any]

STRIDES = (8, 16, 32)
BINS = 11
"""Of a distance."""
FILL = 114
WIDE = 1.25
"""Width by height from which an image is also looked at in crops."""
CUT_PX = 4
"""A box this near to the inner edge of a crop is cut off."""
MEAN_BGR, STD_BGR = (103.53, 116.28, 123.675), (57.375, 57.12, 58.395)


@dataclass(frozen=True)
class Detections:
    """Objects in an image.

    Attributes:
        boxes: (M, 4) left, top, right, bottom [px].
        scores: (M,) in 0..1.
        labels: (M,) row of the network's class list.
    """

    boxes: Array
    scores: Array
    labels: Array


@dataclass(frozen=True)
class Letterbox:
    """How an image was put into the square input: input = scale * image + offset.

    Attributes:
        scale: Input pixels of an image pixel.
        left, top: Input pixels of the filled border.
    """

    scale: float
    left: int
    top: int


def fit_letterbox(height: int, width: int, size: int) -> Letterbox:
    """Compute the letterbox of an image.

    Args:
        height: Rows of the image [px].
        width: Columns of the image [px].
        size: Side of the input [px].
    """
    scale = size / max(height, width)
    inner_height, inner_width = max(1, round(height * scale)), max(1, round(width * scale))
    return Letterbox(scale, (size - inner_width) // 2, (size - inner_height) // 2)


def prepare_image(image: Array, size: int) -> tuple[Tensor, Letterbox]:
    """Make the network's input of an image.

    Args:
        image: (H, W, 3) uint8 RGB.
        size: Side of the input [px].

    Returns:
        (1, 3, size, size) float32, normalised BGR, and how the image lies in it.
    """
    height, width = image.shape[:2]
    box = fit_letterbox(height, width, size)
    inner = Image.fromarray(image).resize(
        (max(1, round(width * box.scale)), max(1, round(height * box.scale))),
        Image.Resampling.BILINEAR,
    )
    square = np.full((size, size, 3), FILL, np.float32)
    square[box.top : box.top + inner.height, box.left : box.left + inner.width] = np.asarray(inner)
    normal = (square[..., ::-1] - np.array(MEAN_BGR, np.float32)) / np.array(STD_BGR, np.float32)
    return torch.from_numpy(normal.transpose(2, 0, 1)[None].astype(np.float32)), box


def decode_outputs(scores: Sequence[Tensor], distances: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Turn the outputs of all strides into boxes.

    Args:
        scores: For each stride (1, cells, classes); cells run along rows of a square grid.
        distances: For each stride (1, cells, 4 x bins).

    Returns:
        Boxes (C, 4) left, top, right, bottom in input pixels, and scores (C, classes), for the
        cells of all strides.
    """
    boxes = []
    for stride, values in zip(STRIDES, distances, strict=True):
        cells = values.shape[1]
        side = round(cells**0.5)
        line = (torch.arange(side, dtype=values.dtype) + 0.5) * stride
        y, x = (grid.flatten() for grid in torch.meshgrid(line, line, indexing="ij"))
        bins = values[0].reshape(cells, 4, -1).softmax(dim=-1)
        reach = (bins * torch.arange(bins.shape[-1], dtype=values.dtype)).sum(dim=-1) * stride
        left, top, right, bottom = reach.unbind(dim=-1)
        boxes.append(torch.stack([x - left, y - top, x + right, y + bottom], dim=-1))
    return torch.cat(boxes), torch.cat([values[0] for values in scores])


class Detector:
    """Finds objects in images of any size.

    A wide image is also looked at in two square crops, at its left and its right, in which far
    objects are larger. A box that touches the inner edge of a crop is part of an object and left
    out.

    Args:
        network: Module that maps the input to a mapping of its outputs.
        size: Side of the input [px].
        classes: Rows of the class list that are kept.
        lowest_score: Score below which a cell is left out.
        overlap: Intersection over union from which the lower of two boxes of a class is left out.

    Raises:
        ValueError: The outputs of the network are not those of NanoDet.
    """

    def __init__(
        self,
        network: Callable[[Tensor], Mapping[str, Tensor]],
        size: int,
        classes: Sequence[int],
        lowest_score: float = 0.2,
        overlap: float = 0.6,
    ) -> None:
        self.network, self.size, self.classes = network, size, list(classes)
        self.lowest_score, self.overlap = lowest_score, overlap
        with torch.no_grad():
            outputs = network(torch.zeros(1, 3, size, size))
        self._scores, self._distances = _name_outputs(outputs, size, max(classes))

    def detect(self, image: Array) -> Detections:
        """Find the objects in an image.

        Args:
            image: (H, W, 3) uint8 RGB.
        """
        width = image.shape[1]
        found = []
        for left, right in list_parts(*image.shape[:2]):
            boxes, scores, labels = self._detect_part(image[:, left:right])
            boxes += torch.tensor([left, 0, left, 0])
            whole = torch.ones(len(boxes), dtype=torch.bool)
            whole &= (boxes[:, 0] > left + CUT_PX) if left > 0 else True
            whole &= (boxes[:, 2] < right - CUT_PX) if right < width else True
            found.append((boxes[whole], scores[whole], labels[whole]))
        boxes, scores, labels = (torch.cat(parts) for parts in zip(*found, strict=True))
        kept = batched_nms(boxes, scores, labels, self.overlap)
        return Detections(boxes[kept].numpy(), scores[kept].numpy(), labels[kept].numpy())

    def _detect_part(self, image: Array) -> tuple[Tensor, Tensor, Tensor]:
        """Find the boxes, scores and labels of all cells above the lowest score."""
        inputs, box = prepare_image(image, self.size)
        with torch.no_grad():
            outputs = self.network(inputs)
        boxes, scores = decode_outputs(
            [outputs[name] for name in self._scores], [outputs[name] for name in self._distances]
        )
        best, column = scores[:, self.classes].max(dim=1)
        kept = best >= self.lowest_score
        height, width = image.shape[:2]
        boxes = (boxes[kept] - torch.tensor([box.left, box.top] * 2)) / box.scale
        boxes = boxes.clamp(min=0).minimum(torch.tensor([width, height] * 2, dtype=boxes.dtype))
        return boxes, best[kept], torch.tensor(self.classes)[column[kept]]


def list_parts(height: int, width: int) -> list[tuple[int, int]]:
    """List (left, right) of the whole image and, if it is wide, of two square crops [px].

    Args:
        height: Rows of the image [px].
        width: Columns of the image [px].
    """
    crops = [(0, height), (width - height, width)] if width >= WIDE * height else []
    return [(0, width), *crops]


def _name_outputs(
    outputs: Mapping[str, Tensor], size: int, last_class: int
) -> tuple[list[str], list[str]]:
    """Name the scores and the distances of each stride."""
    shapes = {name: tuple(value.shape) for name, value in outputs.items()}
    scores, distances = [], []
    for stride in STRIDES:
        cells = (size // stride) ** 2
        here = {name: shape[2] for name, shape in shapes.items() if shape[:2] == (1, cells)}
        of_distances = [name for name, columns in here.items() if columns == 4 * BINS]
        of_scores = [name for name in here if name not in of_distances]
        if len(of_scores) != 1 or len(of_distances) != 1 or here[of_scores[0]] <= last_class:
            raise ValueError(
                f"the network has outputs of the shapes {shapes}; expected (1, {cells}, classes) "
                f"with more than {last_class} classes and (1, {cells}, {4 * BINS}) at stride "
                f"{stride}"
            )
        scores += of_scores
        distances += of_distances
    return scores, distances
