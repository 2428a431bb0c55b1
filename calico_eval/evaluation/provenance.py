"""What it takes to run an evaluation again.

Nothing here depends on when it ran, or in which folder.
"""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

import calico
from calico.cli.words import portable_command
from calico.data.source import FrameSource
from calico_eval.evaluation.plan import EvaluationPlan
from corruptions import SUITE_VERSION
from reports.schema import Provenance

PACKAGES = (
    "numpy",
    "onnxruntime",
    "onnxruntime-gpu",
    "scipy",
    "torch",
    "torchattacks",
    "torchvision",
)


def describe_run(plan: EvaluationPlan, source: FrameSource, command: Sequence[str]) -> Provenance:
    """Describe the versions, seeds and data of a run.

    Args:
        plan: Plan of the evaluation.
        source: Its frames.
        command: Words as the user typed them; `portable_command` takes the folders out.
    """
    infos = [source.info(index) for index in plan.indices]
    return Provenance(
        **describe_origin(command),
        suite_version=SUITE_VERSION,
        seed=plan.seed,
        data=source.name,
        data_hash=plan.data_hash,
        frames_hash=hashlib.sha256("\n".join(info.token for info in infos).encode()).hexdigest(),
        ranges=dict(plan.ranges),
        taxonomy=source.taxonomy.name,
        n_frames=len(infos),
        n_scenes=len({info.scene for info in infos}),
    )


def describe_origin(command: Sequence[str]) -> dict[str, Any]:
    """Describe command, versions, commit, threads and machine."""
    commit, dirty = _git()
    return {
        "command": portable_command(command),
        "calico_version": calico.__version__,
        "python": platform.python_version(),
        "packages": {name: found for name in PACKAGES if (found := _version(name)) is not None},
        "git_commit": commit,
        "git_dirty": dirty,
        "threads": torch.get_num_threads(),
        "machine": _machine(),
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _machine() -> str:
    gpu = f", {torch.cuda.get_device_name()}" if torch.cuda.is_available() else ""
    return f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs{gpu}"


def _git() -> tuple[str | None, bool | None]:
    """Return commit and state of the checkout that this package runs from; None if installed."""
    folder = Path(calico.__file__).parent
    try:
        tracked = _run_git(folder, "ls-files", "--error-unmatch", "__init__.py")
        commit = _run_git(folder, "rev-parse", "HEAD").strip() if tracked else None
        return commit, bool(
            _run_git(folder, "status", "--porcelain", "--untracked-files=no").strip()
        )
    except (OSError, subprocess.CalledProcessError):
        return None, None


def _run_git(folder: Path, *words: str) -> str:
    return subprocess.run(
        ["git", "-C", str(folder), *words], check=True, capture_output=True, text=True
    ).stdout
