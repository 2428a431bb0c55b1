"""A public 2D detector and the LiDAR: a model that CALICO's authors did not train.

    python -m examples.public_detector.download
    calico robust examples.public_detector.model:build --preset nuscenes --data-root DATA

NanoDet finds objects in each camera image, and `frustum` finds their place among the LiDAR points
of the newest sweep. docs/start/public_model.md walks through it.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from calico.errors import CalicoError
from calico.files import read_bytes, user_cache_dir
from examples.public_detector.detector import Array, Detector
from examples.public_detector.frustum import KINDS, Settings, locate_objects
from examples.public_detector.tfjs_graph import TfjsGraph

VARIABLE = "CALICO_NANODET"
MODEL, WEIGHTS = "nanodet.json", "nanodet.bin"


def find_weights() -> Path:
    """Return the folder of the weights: $CALICO_NANODET, or nanodet/ in CALICO's cache folder."""
    stated = os.environ.get(VARIABLE)
    return Path(stated) if stated else user_cache_dir() / "nanodet"


class PublicDetector:
    """The object that CALICO runs.

    Args:
        graph: A network with the interface of NanoDet and the classes of COCO.
        sha256: Identity of its weights.
    """

    name = "nanodet_frustum"
    sensors = ("camera", "lidar")

    def __init__(self, graph: TfjsGraph, sha256: str) -> None:
        self.sha256 = sha256
        self.settings = Settings()
        self._detector = Detector(graph.eval(), graph.input_shape[-1], sorted(KINDS))

    def predict(self, frames: Sequence[Any]) -> list[dict[str, Array]]:
        """Answer one mapping per frame: boxes (M, 7), scores (M,), labels (M,)."""
        return [self._predict_frame(frame) for frame in frames]

    def _predict_frame(self, frame: Any) -> dict[str, Array]:
        newest = frame.points[frame.sweep_index == 0, :3]
        finite = newest[np.isfinite(newest).all(axis=1)]
        return locate_objects(
            [self._detector.detect(image) for image in frame.images],
            finite,
            frame.image_from_lidar,
            list(frame.taxonomy.names),
            self.settings,
        )


def load_model(folder: Path) -> PublicDetector:
    """Load the detector.

    Args:
        folder: Holds nanodet.json and nanodet.bin.

    Raises:
        CalicoError: The files are missing or not of the format.
    """
    if not (folder / MODEL).exists():
        raise CalicoError(
            f"weights of NanoDet: {folder / MODEL} does not exist; fetch it with python -m "
            f"examples.public_detector.download, or name its folder in {VARIABLE}"
        )
    digest = hashlib.sha256()
    for name in (MODEL, WEIGHTS):
        digest.update(hashlib.sha256(read_bytes(folder / name)).digest())
    return PublicDetector(TfjsGraph(folder / MODEL), digest.hexdigest())


def build() -> PublicDetector:
    """Load the detector from the folder that `find_weights` names: the factory of CALICO."""
    return load_model(find_weights())
