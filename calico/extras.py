"""The optional packages: which extra installs them, and the error that names a missing one.

The core of CALICO corrupts data, computes metrics, writes reports and gates CI. Everything else
needs an extra of the distribution `calico-bev`. The code that needs one calls `require_extra` at
its door, before it imports the packages.
"""

from __future__ import annotations

from importlib.util import find_spec

from calico.errors import CalicoError

EXTRAS: dict[str, tuple[str, ...]] = {
    "train": ("torch", "torchvision", "safetensors", "sklearn", "tensorboard", "pyarrow"),
    "export": ("onnx", "onnxscript", "onnxruntime"),
    "sim": ("trimesh", "embreex"),
    "folder": ("pyarrow",),
    "torchattacks": ("torchattacks",),
    "trt": ("tensorrt",),
    "trt-rtx": ("tensorrt_rtx",),
    "viz": ("matplotlib",),
    "waymo": ("pyarrow",),
}
"""Extra to the modules that it installs. `pyproject.toml` has the distributions and versions."""


class MissingExtraError(CalicoError):
    """An optional package is not installed."""


def require_extra(what: str, *extras: str) -> None:
    """Check that optional packages are installed, without importing them.

    Args:
        what: The thing that needs them, as the subject of the message, e.g. "calico train".
        extras: Keys of `EXTRAS`.

    Raises:
        MissingExtraError: A module of an extra is not installed. The message names it and gives the
            line that installs it.
    """
    missing = {extra: find_missing(extra) for extra in extras}
    lacking = [extra for extra in extras if missing[extra]]
    if lacking:
        modules = ", ".join(module for extra in lacking for module in missing[extra])
        raise MissingExtraError(
            f"{what} needs packages that are not installed ({modules}): {install_line(*lacking)}"
        )


def find_missing(extra: str) -> list[str]:
    """List the modules of an extra that are not installed."""
    return [module for module in EXTRAS[extra] if find_spec(module) is None]


def install_line(*extras: str) -> str:
    """Write the command that installs extras."""
    return f"pip install 'calico-bev[{','.join(extras)}]'"
