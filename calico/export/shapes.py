"""Names, element types and shapes of a graph's inputs and outputs, as its card implies them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from calico.config.schema import Config
from calico.export.metadata import GraphMetadata, Target
from calico.models.decode import count_slots

Size = int | str
"""A number, or the name of a dimension that may have any size."""

POINT_INPUTS: dict[Target, tuple[str, ...]] = {
    "ort": ("points", "point_mask"),
    "trt": ("pillar_points", "pillar_count", "pillar_cell", "pillar_mean"),
}
IMAGE_INPUTS = ("images", "image_from_lidar")
BOX_OUTPUTS = ("boxes", "scores", "labels", "nms_residual")
MAP_OUTPUTS = ("map_probs",)


@dataclass(frozen=True)
class ArrayShape:
    """What one input or output must be.

    Attributes:
        kind: Kind of its elements: real numbers, integers or truth values.
        sizes: Size of each dimension, or its name if it may have any size.
    """

    kind: Literal["real", "integer", "bool"]
    sizes: tuple[Size, ...]

    def disagrees_with(self, sizes: tuple[Size | None, ...]) -> bool:
        """Tell whether other sizes contradict these.

        None and names are unknown and contradict nothing.
        """
        if len(sizes) != len(self.sizes):
            return True
        pairs = zip(self.sizes, sizes, strict=True)
        return any(isinstance(a, int) and isinstance(b, int) and a != b for a, b in pairs)


def input_names(config: Config, target: Target) -> tuple[str, ...]:
    """List the names of a graph's inputs in order.

    Args:
        config: Configuration of the model.
        target: Kind of graph.
    """
    points = POINT_INPUTS[target] if config.model.lidar is not None else ()
    return points + (IMAGE_INPUTS if config.model.camera is not None else ())


def output_names(config: Config) -> tuple[str, ...]:
    """List the names of a graph's outputs in order."""
    boxes = BOX_OUTPUTS if config.model.detection is not None else ()
    return boxes + (MAP_OUTPUTS if config.model.map is not None else ())


def input_shapes(metadata: GraphMetadata) -> dict[str, ArrayShape]:
    """Return what each input of a graph must be."""
    rows, points = (metadata.pillars.rows, metadata.pillars.points) if metadata.pillars else (0, 0)
    height, width = metadata.raw_hw
    every = {
        "points": ArrayShape("real", ("batch", "points", 5)),
        "point_mask": ArrayShape("bool", ("batch", "points")),
        "pillar_points": ArrayShape("real", ("batch", rows, points, 5)),
        "pillar_count": ArrayShape("integer", ("batch", rows)),
        "pillar_cell": ArrayShape("integer", ("batch", rows)),
        "pillar_mean": ArrayShape("real", ("batch", rows, 3)),
        "images": ArrayShape("real", ("batch", metadata.views, 3, height, width)),
        "image_from_lidar": ArrayShape("real", ("batch", metadata.views, 4, 4)),
    }
    return {name: every[name] for name in metadata.inputs}


def output_shapes(metadata: GraphMetadata) -> dict[str, ArrayShape]:
    """Return what each output of a graph must be."""
    model, grid = metadata.config.model, metadata.config.grid
    shapes: dict[str, Any] = {}
    if model.detection is not None:
        trunk = grid.pillars.coarsen_by(model.bev.out_stride)
        slots = count_slots(model.detection, trunk)
        shapes["boxes"] = ArrayShape("real", ("batch", slots, 9))
        shapes["scores"] = ArrayShape("real", ("batch", slots))
        shapes["labels"] = ArrayShape("integer", ("batch", slots))
        shapes["nms_residual"] = ArrayShape("real", ("batch",))
    if model.map is not None:
        shapes["map_probs"] = ArrayShape("real", ("batch", len(model.map.classes), *grid.map.shape))
    return shapes
