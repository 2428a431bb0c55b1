"""All findings about an installation, as a value, as JSON and as lines."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from calico import __version__
from calico.doctor.devices import Devices, check_device, find_devices, warn_of_devices
from calico.doctor.forward import Trial, try_graph, try_network
from calico.doctor.places import Cache, Data, find_data, list_caches
from calico.doctor.versions import Extra, find_conflicts, list_extras, list_versions
from calico.errors import CalicoError

FORMAT = "calico-doctor-1"
"""Name of the JSON's schema. Fields may be added to it, and none is removed or changed."""


@dataclass(frozen=True)
class Request:
    """What the user asks for, beyond a look at the installation.

    Attributes:
        data_root: Folder of a data set, or None.
        config: YAML file of a configuration, or None.
        device: 'cpu', 'cuda', 'cuda:N' or 'auto', or None for that of the configuration.
        extras: Extras that must be installed.
        forward: Whether the two small computations run.
    """

    data_root: Path | None = None
    config: Path | None = None
    device: str | None = None
    extras: Sequence[str] = ()
    forward: bool = True


@dataclass(frozen=True)
class Diagnosis:
    """Everything that was found.

    Attributes:
        system: Version of CALICO and Python, and the platform.
        packages: Distribution to version, None if it is missing.
        devices: Devices.
        extras: Extra to what is missing.
        data: Data set, or None if none was named.
        caches: Cache folders.
        forward: "torch" and "onnxruntime" to how their computation went.
        warnings: What may surprise, in words.
        problems: What was asked for, or is installed, and does not work.
    """

    system: dict[str, str]
    packages: dict[str, str | None]
    devices: Devices
    extras: dict[str, Extra]
    data: Data | None
    caches: list[Cache]
    forward: dict[str, Trial]
    warnings: list[str]
    problems: list[str]

    @property
    def ok(self) -> bool:
        """Whether nothing that was asked for, or is installed, is broken."""
        return not self.problems

    def to_json(self) -> str:
        """Write the findings as JSON of the schema FORMAT."""
        content: dict[str, Any] = {"format": FORMAT, "ok": self.ok, **asdict(self)}
        return json.dumps(content, indent=1)

    def lines(self) -> Iterator[str]:
        """Yield the findings as lines for a terminal."""
        yield from _describe_versions(self)
        yield from _describe_devices(self.devices)
        for name, extra in self.extras.items():
            yield _row(f"extra {name}", extra.install or "installed")
        if self.data is not None:
            yield _row("data", _describe_data(self.data))
        for cache in self.caches:
            yield _row(f"cache {cache.name}", _describe_cache(cache))
        for name, trial in self.forward.items():
            took = "" if trial.seconds is None else f", {1000 * trial.seconds:.0f} ms"
            on = "" if trial.device is None else f", {trial.device}"
            yield _row(f"run {name}", f"{trial.status}{on}{took}: {trial.detail}")
        yield from (f"warning: {text}" for text in self.warnings)
        yield from (f"problem: {text}" for text in self.problems)
        yield "all fine" if self.ok else f"problems: {len(self.problems)}"


def diagnose(request: Request) -> Diagnosis:
    """Look at the installation, and at what the user asks for.

    Args:
        request: What the user asks for.
    """
    root, cache_dir, device, problems = _read_config(request)
    devices, broken = find_devices()
    extras, packages = list_extras(), list_versions()
    data = None if root is None else find_data(root)
    caches, no_place = list_caches(cache_dir)
    forward = (
        {"torch": try_network(device), "onnxruntime": try_graph(device)} if request.forward else {}
    )
    warnings = [*find_conflicts(packages), *warn_of_devices(devices), *no_place]
    problems += broken
    problems += [
        f"extra {name} is not installed ({', '.join(extras[name].missing)}): {extras[name].install}"
        for name in request.extras
        if not extras[name].installed
    ]
    if data is not None and data.problem:
        problems.append(data.problem)
    problems += [
        f"{name}: {trial.detail}"
        for name, trial in forward.items()
        if trial.status == "failed" and trial.detail not in broken
    ]
    if not any(trial.status == "failed" for trial in forward.values()):
        problems += check_device(device, devices)
    return Diagnosis(
        {
            "calico": __version__,
            "python": platform.python_version(),
            "platform": platform.platform(),
        },
        packages,
        devices,
        extras,
        data,
        caches,
        forward,
        warnings,
        list(dict.fromkeys(problems)),
    )


def _read_config(request: Request) -> tuple[Path | None, Path | None, str, list[str]]:
    """Return data root, cache folder and device of the request, and what is wrong with its file."""
    root, device = request.data_root, request.device
    if request.config is None:
        return root, None, device or "auto", []
    from calico.config.load import load_config

    try:
        config = load_config("tiny", request.config)
    except (CalicoError, OSError) as error:
        return root, None, device or "auto", [str(error)]
    if root is None and config.data.source != "sim":
        root = config.data.root
    return root, config.data.cache_dir, device or config.device, []


def _row(name: str, text: str) -> str:
    return f"{name:<24}{text}"


def _describe_versions(found: Diagnosis) -> Iterator[str]:
    for name, text in found.system.items():
        yield _row(name, text)
    installed = [f"{name} {number}" for name, number in found.packages.items() if number]
    for start in range(0, len(installed), 4):
        yield _row("" if start else "packages", ", ".join(installed[start : start + 4]))


def _describe_devices(devices: Devices) -> Iterator[str]:
    torch = "" if devices.torch_threads is None else f", torch uses {devices.torch_threads}"
    yield _row("cpu", f"{devices.cpu_threads} threads{torch}")
    for number, gpu in enumerate(devices.cuda):
        yield _row(
            f"cuda:{number}",
            f"{gpu.name}, {gpu.memory_bytes / 2**30:.0f} GiB, capability {gpu.capability}",
        )
    if not devices.cuda:
        yield _row("cuda", "no GPU")
    if devices.onnxruntime_providers is not None:
        yield _row("onnxruntime", ", ".join(devices.onnxruntime_providers))


def _describe_data(data: Data) -> str:
    if data.problem:
        return "not readable, see below"
    versions = f", versions {', '.join(data.versions)}" if data.versions else ""
    return f"{data.root}: {data.layout}{versions}"


def _describe_cache(cache: Cache) -> str:
    free = "" if cache.free_bytes is None else f", {cache.free_bytes / 2**30:.1f} GiB free"
    writable = "" if cache.writable else ", not writable"
    if not cache.exists:
        return f"{cache.path}: not made yet{free}{writable}"
    least = "" if cache.complete else "at least "
    size = f", {least}{cache.bytes / 2**20:.1f} MiB in {cache.files} files" if cache.files else ""
    return f"{cache.path}{size}{free}{writable}"
