"""What every data set offers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from calico.config.schema import Config
from calico.errors import CalicoError
from calico.frame import Frame, Int64
from calico.geometry.grid import Grid
from calico.taxonomy import Taxonomy


@dataclass(frozen=True)
class FrameInfo:
    """What is known of a frame without loading it."""

    token: str
    scene: str


class FrameSource(Protocol):
    """A split of a data set: frames by index, in a fixed order (scene by scene, then by time).

    Labels, attributes and map masks refer to its taxonomy, which its frames carry, too. A source
    can be pickled into worker processes.
    """

    name: str
    """Data set and split, for reports."""
    map_grid: Grid | None
    """The grid of every frame's `map_masks`; None for a data set without maps."""
    cameras: tuple[str, ...]
    taxonomy: Taxonomy
    """The classes of its objects and maps."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Frame:
        """Load a frame; a CalicoError names file and token if something is broken."""
        ...

    def info(self, index: int) -> FrameInfo:
        """Return token and scene of a frame, at no cost."""
        ...

    def labels(self, index: int) -> Int64:
        """Return the classes (M,) of a frame's objects, without sensor data if possible."""
        ...

    def annotations(self, index: int) -> Frame:
        """Return a frame without its sensor data (`Frame.of_labels`).

        It is made from the labels alone if the data set allows.
        """
        ...

    def image_sizes(self) -> frozenset[tuple[int, int]]:
        """Return every (height, width) that an image of the source has, without opening one."""
        ...

    def content_hash(self) -> str:
        """Return a hex digest that changes whenever any frame of the source would."""
        ...

    def labels_hash(self) -> str:
        """Return a hex digest that changes whenever the result of `annotations` would.

        It is made from the labels alone if the data set allows.
        """
        ...


def check_classes(config: Config, theirs: Taxonomy, data: str, model: str) -> None:
    """Check that the heads of a model stand for the classes of the data.

    Args:
        config: Configuration of the model.
        theirs: Taxonomy of the data.
        data: Names the data in the message.
        model: Names the model in the message.

    Raises:
        CalicoError: The classes, or the map classes of a model with a map, differ.
    """
    own, heads = config.taxonomy.build(), config.model
    for what, known, labelled, has in (
        ("classes", own.names, theirs.names, heads.detection is not None),
        ("map classes", own.map_names, theirs.map_names, heads.map is not None),
    ):
        if has and known != labelled:
            raise CalicoError(
                f"{model} knows the {what} {', '.join(known)} (taxonomy {own.name}), but data "
                f"{data} have {', '.join(labelled) or 'none'} (taxonomy {theirs.name}); "
                "expected data that are labelled in the model's classes (`taxonomy` in the "
                "configuration)"
            )
