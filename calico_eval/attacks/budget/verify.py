"""The check of a saved attacked frame against its clean frame, without any code of the attacks.

It uses numpy, the frame and `budget.measure`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from calico.errors import CalicoError
from calico.frame import Frame
from calico_eval.attacks.budget.measure import check_budget, measure_budget
from calico_eval.attacks.budget.saved import SavedFrame, file_name, frame_sha256, load_attacked
from calico_eval.attacks.budget.threat import Threat


def verify_attacked(folder_or_file: Path, source_frame: Frame) -> str:
    """Checks one saved frame.

    The clean frame is the one that was attacked (its hash), what the file holds differs from it as
    much as the file says (measured again), and no more than the file's threat allows.

    Args:
        folder_or_file: a file of `save_attacked`, or the folder that holds the frame's file.
        source_frame: the clean frame (under a corruption: the corrupted one).

    Returns:
        What was used of what was allowed, in words.

    Raises:
        CalicoError: what is wrong.
    """
    path = (
        folder_or_file / file_name(source_frame.token)
        if folder_or_file.is_dir()
        else folder_or_file
    )
    saved = load_attacked(path)
    if saved.about.token != source_frame.token:
        raise CalicoError(
            f"{path}: holds frame {saved.about.token!r}, expected {source_frame.token!r}"
        )
    found = frame_sha256(source_frame)
    if found != saved.about.clean_sha256:
        raise CalicoError(
            f"{path}: was made from another clean frame {source_frame.token} (sha256 "
            f"{saved.about.clean_sha256[:12]}..., "
            f"this one is {found[:12]}...): other data, another reader, or a corruption"
        )
    return f"{path.name}: {_checked(path, saved, source_frame)}"


def _checked(path: Path, saved: SavedFrame, clean: Frame) -> str:
    threat = _threat(path, saved.about.attack)
    try:
        attacked = saved.on(clean)
    except (CalicoError, ValueError, AttributeError) as error:
        raise CalicoError(f"{path}: its arrays make no frame: {error}") from error
    budget = measure_budget(clean, attacked, structural=threat.structural)
    passed, message = check_budget(threat, budget)
    if not passed:
        raise CalicoError(f"{path}: over the budget of its threat ({threat}): {message}")
    measured, stored = asdict(budget), dict(saved.about.budget)
    differing = [
        name
        for name in sorted({*measured, *stored})
        if not _same(measured.get(name), stored.get(name))
    ]
    if differing:
        name = differing[0]
        raise CalicoError(
            f"{path}: the measured budget is not the stored one: {name} is {measured.get(name)}, "
            f"stored {stored.get(name)}"
        )
    return message


def _same(measured: object, stored: object) -> bool:
    """Equal; broken numbers up to the rounding of another machine's sums (1e-9 of the number)."""
    if isinstance(measured, tuple) and isinstance(stored, tuple):
        return len(measured) == len(stored) and all(map(_same, measured, stored))
    if isinstance(measured, float) and isinstance(stored, float):
        return math.isclose(measured, stored, rel_tol=1e-9, abs_tol=1e-12)
    return measured == stored


def _threat(path: Path, attack: Mapping[str, Any]) -> Threat:
    try:
        return Threat(**attack["threat"])
    except (KeyError, TypeError, CalicoError) as error:
        raise CalicoError(f"{path}: its attack states no threat ({error})") from error
