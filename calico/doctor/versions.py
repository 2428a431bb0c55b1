"""Versions of what is installed, the extras, and packages that do not go together."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from calico.extras import EXTRAS, find_missing, install_line

DISTRIBUTIONS = (
    "numpy",
    "scipy",
    "pillow",
    "click",
    "pydantic",
    "pyyaml",
    "torch",
    "torchvision",
    "safetensors",
    "scikit-learn",
    "pyarrow",
    "onnx",
    "onnxscript",
    "onnxruntime",
    "onnxruntime-gpu",
    "tensorrt",
    "tensorrt-rtx-cu12",
    "trimesh",
    "embreex",
    "matplotlib",
    "torchattacks",
    "requests",
    "urllib3",
    "idna",
)
"""Distributions whose versions decide what CALICO does, in the order of the report."""
PINNED = ("requests", "urllib3", "idna")
"""What torchattacks 3.5.1 holds at versions of 2020 and 2021."""
MENDED_REQUESTS = (2, 32)


@dataclass(frozen=True)
class Extra:
    """One extra.

    Attributes:
        installed: Whether all of its modules are there.
        missing: Modules that are not.
        install: The command that installs it, or None if it is installed.
    """

    installed: bool
    missing: list[str]
    install: str | None


def list_versions() -> dict[str, str | None]:
    """List the installed version of every distribution of DISTRIBUTIONS; None if it is missing."""
    return {name: find_version(name) for name in DISTRIBUTIONS}


def find_version(distribution: str) -> str | None:
    """Return the installed version of a distribution, or None."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def list_extras() -> dict[str, Extra]:
    """Find out for every extra of `calico.extras` what is missing."""
    found = {}
    for name in EXTRAS:
        missing = find_missing(name)
        found[name] = Extra(not missing, missing, install_line(name) if missing else None)
    return found


def find_conflicts(versions: Mapping[str, str | None]) -> list[str]:
    """Describe packages that are installed together and should not be.

    Args:
        versions: Distribution to version, as of `list_versions`.

    Returns:
        One sentence for each conflict, with what to do.
    """
    found = []
    if versions.get("onnxruntime") and versions.get("onnxruntime-gpu"):
        found.append(
            f"onnxruntime {versions['onnxruntime']} and onnxruntime-gpu "
            f"{versions['onnxruntime-gpu']} are both installed and write the same files, so the "
            "GPU may be lost: pip uninstall both, then install the one that you need"
        )
    requests = versions.get("requests")
    if versions.get("torchattacks") and requests and _numbers(requests) < MENDED_REQUESTS:
        held = ", ".join(f"{name} {versions[name]}" for name in PINNED if versions.get(name))
        found.append(
            f"torchattacks {versions['torchattacks']} holds {held}, which are old: use an "
            "environment of its own for --attack ta_*, or pip install --no-deps torchattacks"
        )
    return found


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text)[:2])
