"""The processors that torch and ONNX Runtime see."""

from __future__ import annotations

import importlib
import os
import re
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

NVIDIA = Path("/dev/nvidiactl")
"""Linux has this file if the driver of an NVIDIA GPU is loaded."""


@dataclass(frozen=True)
class Gpu:
    """A GPU that torch sees.

    Attributes:
        name: Name of the product.
        memory_bytes: Its memory.
        capability: Compute capability, e.g. "9.0".
    """

    name: str
    memory_bytes: int
    capability: str


@dataclass(frozen=True)
class Devices:
    """What can compute.

    Attributes:
        cpu_threads: Threads that this process may use.
        torch_threads: Threads that torch uses, or None without torch.
        cuda: GPUs that torch sees.
        torch_cuda: Version of CUDA that torch was built with, or None.
        onnxruntime_providers: Providers of ONNX Runtime, or None without it.
    """

    cpu_threads: int
    torch_threads: int | None
    cuda: list[Gpu]
    torch_cuda: str | None
    onnxruntime_providers: list[str] | None


def import_optional(module: str) -> tuple[Any, str]:
    """Import a module of an extra.

    Args:
        module: Name of the module.

    Returns:
        The module, or None if it is missing or broken, and the problem in words, "" without one.
    """
    try:
        if find_spec(module) is None:
            return None, ""
        return importlib.import_module(module), ""
    except Exception as error:  # a broken installation raises anything, e.g. OSError for a library
        return None, f"{module} is installed but does not import: {describe_fault(error)}"


def describe_fault(error: BaseException) -> str:
    """Describe an exception in one line of at most 300 characters."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:300]


def find_devices() -> tuple[Devices, list[str]]:
    """Find the devices of this machine.

    Returns:
        The devices, and the packages that are installed but do not import, in words.
    """
    torch, torch_problem = import_optional("torch")
    runtime, runtime_problem = import_optional("onnxruntime")
    problems = [text for text in (torch_problem, runtime_problem) if text]
    gpus = []
    if torch is not None and torch.cuda.is_available():
        for number in range(torch.cuda.device_count()):
            about = torch.cuda.get_device_properties(number)
            gpus.append(Gpu(about.name, about.total_memory, f"{about.major}.{about.minor}"))
    devices = Devices(
        cpu_threads=count_threads(),
        torch_threads=None if torch is None else torch.get_num_threads(),
        cuda=gpus,
        torch_cuda=None if torch is None else torch.version.cuda,
        onnxruntime_providers=None if runtime is None else runtime.get_available_providers(),
    )
    return devices, problems


def count_threads() -> int:
    """Count the threads that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def check_device(device: str, devices: Devices) -> list[str]:
    """Say why a device cannot be used, or return an empty list.

    Args:
        device: Text of the user.
        devices: The devices that were found.
    """
    if device in ("auto", "cpu"):
        return []
    found = re.fullmatch(r"cuda(?::(\d{1,3}))?", device)
    if found is None:
        return [f"device '{device}': not known; expected auto, cpu, cuda or cuda:N"]
    if devices.torch_threads is None:
        return [f"device '{device}': torch is not installed"]
    if int(found[1] or 0) >= len(devices.cuda):
        return [f"device '{device}': torch sees {len(devices.cuda)} GPUs"]
    return []


def warn_of_devices(devices: Devices, driver: Path = NVIDIA) -> list[str]:
    """Describe GPUs that are there but cannot be used.

    Args:
        devices: The devices that were found.
        driver: File that exists if the driver of a GPU is loaded.
    """
    found = []
    if devices.torch_threads is not None and not devices.cuda and driver.exists():
        build = f"CUDA {devices.torch_cuda}" if devices.torch_cuda else "the CPU only"
        found.append(
            f"the machine has the driver of an NVIDIA GPU, but torch, built for {build}, sees none"
        )
    providers = devices.onnxruntime_providers
    if devices.cuda and providers is not None and "CUDAExecutionProvider" not in providers:
        found.append(
            "torch sees a GPU, but ONNX Runtime has no CUDA provider: pip uninstall onnxruntime, "
            "then pip install onnxruntime-gpu"
        )
    return found
