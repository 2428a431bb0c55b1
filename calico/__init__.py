"""CALICO: train, export and stress-test camera-LiDAR bird's-eye-view models.

The functions here are loaded on use, so that `import calico` is fast and imports neither numpy nor
torch. This module is the front door of the whole project: it names what lives in `corruptions` and
`calico_eval`, as `calico.cli` does for the commands.

Example:
    >>> from calico import corrupt_image
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from calico.data.open import open_data
    from calico.taxonomy import KITTI, NUSCENES, WAYMO, MapClass, ObjectClass, Taxonomy
    from calico_eval.api import attack, evaluate, load_model
    from calico_eval.attacks.budget.threat import Threat
    from calico_eval.metrics.from_boxes import detection_metrics
    from corruptions import corrupt, corrupt_image, corrupt_points, list_corruptions

__version__ = "0.1.0"

_HOMES = {
    "KITTI": "calico.taxonomy",
    "MapClass": "calico.taxonomy",
    "NUSCENES": "calico.taxonomy",
    "ObjectClass": "calico.taxonomy",
    "Taxonomy": "calico.taxonomy",
    "WAYMO": "calico.taxonomy",
    "Threat": "calico_eval.attacks.budget.threat",
    "attack": "calico_eval.api",
    "corrupt": "corruptions",
    "corrupt_image": "corruptions",
    "corrupt_points": "corruptions",
    "detection_metrics": "calico_eval.metrics.from_boxes",
    "evaluate": "calico_eval.api",
    "list_corruptions": "corruptions",
    "load_model": "calico_eval.api",
    "open_data": "calico.data.open",
}
"""Public name to the module that defines it."""

__all__ = [
    "KITTI",
    "NUSCENES",
    "WAYMO",
    "MapClass",
    "ObjectClass",
    "Taxonomy",
    "Threat",
    "__version__",
    "attack",
    "corrupt",
    "corrupt_image",
    "corrupt_points",
    "detection_metrics",
    "evaluate",
    "list_corruptions",
    "load_model",
    "open_data",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return list(__all__)
