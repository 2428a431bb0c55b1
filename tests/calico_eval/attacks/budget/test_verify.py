"""The verifier believes nothing: tampered files fail, honest ones pass, and no line of the attacks
runs."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from calico.errors import CalicoError
from calico.files import seal_zip
from calico.frame import Frame
from calico_eval.attacks import (
    AttackDetails,
    AttackedFrame,
    AttackSpec,
    Threat,
    attack_frame,
    measure_budget,
)
from calico_eval.attacks.budget.saved import file_name, save_attacked
from calico_eval.attacks.budget.verify import verify_attacked
from calico_eval.engines.user import UserEngine

Arrays = dict[str, Any]
SPEC = AttackSpec("noise", Threat(camera_levels=4, range_m=0.1))


def saved(frame: Frame, spec: AttackSpec, folder: Path) -> Path:
    done = attack_frame(UserEngine(object(), "mine", ("camera", "lidar"), "0"), frame, spec, 0)
    return save_attacked(folder, frame, done, spec, "abc")


def tamper(path: Path, change: Callable[[Arrays, dict[str, Any]], None]) -> None:
    with np.load(path, allow_pickle=False) as file:
        arrays = {name: file[name].copy() for name in file.files}
    about = json.loads(arrays.pop("about").tobytes())
    change(arrays, about)
    content = io.BytesIO()
    np.savez(content, **arrays, about=np.frombuffer(json.dumps(about).encode(), np.uint8))
    path.write_bytes(seal_zip(content.getvalue()))  # who tampers can seal, too


@pytest.mark.parametrize(
    ("threat", "words"),
    [
        (Threat(camera_levels=4, range_m=0.1), "4 of 4 grey levels; 0.1000"),
        (Threat(camera_rms=3.0), "3.000 of 3 grey levels rms"),
        (Threat(axis_m=0.2), "of 0.2 m per axis"),
        (Threat(intensity=0.1), "of 0.1 of full intensity"),
    ],
)
def test_an_honest_file_passes_and_says_what_was_used(
    threat: Threat, words: str, frame: Frame, tmp_path: Path
) -> None:
    path = saved(frame, AttackSpec("noise", threat), tmp_path)
    for place in (path, tmp_path):
        message = verify_attacked(place, frame)
        assert message.startswith(file_name("hand-0"))
        assert words in message


def test_points_that_come_and_go_are_measured_as_a_set(frame: Frame, tmp_path: Path) -> None:
    """A threat that no algorithm here has: the file states it, and the check knows it."""
    keep = np.arange(len(frame.points)) != 3
    fewer = frame.replace(
        points=frame.points[keep], ring=frame.ring[keep], sweep_index=frame.sweep_index[keep]
    )
    budget = measure_budget(frame, fewer, structural=True)
    path = save_attacked(
        tmp_path, frame, AttackedFrame(fewer, budget, AttackDetails()), SPEC, "abc"
    )
    with pytest.raises(
        CalicoError,
        match=r"over the budget of its threat .4/255 . 0.1 m.: points removed: 1, budget 0",
    ):
        verify_attacked(path, frame)
    tamper(
        path,
        lambda arrays, about: about["attack"]["threat"].update(
            points_removed=1, range_m=0, camera_levels=0
        ),
    )
    assert "1 of 1 points removed" in verify_attacked(path, frame)


def _one_pixel_more(arrays: Arrays, about: dict[str, Any]) -> None:
    image, clean = arrays["image_0"], arrays["image_0"].copy()
    row, column, channel = np.argwhere((clean > 10) & (clean < 245))[0]
    image[row, column, channel] += 9


def _one_point_farther(arrays: Arrays, about: dict[str, Any]) -> None:
    arrays["points"][7, :3] *= np.float32(1.1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_one_pixel_more, "over the budget of its threat .4/255 . 0.1 m.: view 0 changed by"),
        (
            _one_point_farther,
            "over the budget of its threat .4/255 . 0.1 m.: change of a point's range",
        ),
        (
            lambda a, about: about["budget"].update(range_m=0.05),
            "the measured budget is not the stored one: range_m is 0.09",
        ),
        (
            lambda a, about: about["budget"].update(camera_levels=[4]),
            "not the stored one: camera_levels is .4, 4., stored .4,.",
        ),
        (lambda a, about: about["budget"].pop("camera_rms"), "not the stored one: camera_rms"),
        (
            lambda a, about: about["budget"].update(bogus=1),
            "not the stored one: bogus is None, stored 1",
        ),
        (
            lambda a, about: about["attack"]["threat"].update(camera_levels=3),
            "over the budget of its threat .3/255",
        ),
        (lambda a, about: about["attack"].pop("threat"), "its attack states no threat"),
        (lambda a, about: about["attack"]["threat"].update(bogus=1), "its attack states no threat"),
        (
            lambda a, about: about["attack"]["threat"].update(camera_levels=-1),
            "its attack states no threat",
        ),
        (
            lambda a, about: about.update(clean_sha256="0" * 64),
            "was made from another clean frame hand-0",
        ),
        (
            lambda a, about: about.update(token="hand-1"),
            "whose file is called hand-1-.*it was renamed or changed",
        ),
        (
            lambda a, about: about.update(token="../../x"),
            "holds frame '../../x', whose file is called _x-",
        ),
        (
            lambda a, about: a.update(points=a["points"].astype(np.float64)),
            "its arrays make no frame: .*expected float32",
        ),
        (lambda a, about: a.update(points=a["points"][:, :4]), "its arrays make no frame: .*shape"),
        (
            lambda a, about: a.update(image_1=a["image_1"][:10]),
            "changed besides images and points: images",
        ),
        (lambda a, about: a.pop("image_1"), "its arrays make no frame"),
        (lambda a, about: a.update(ring=a["ring"] + 1), "changed besides images and points: ring"),
        (
            lambda a, about: a.update(sweep_index=a["sweep_index"] - 1),
            "changed besides images and points: sweep_index",
        ),
        (
            lambda a, about: a.update(elongation=np.zeros(len(a["points"]), np.float32)),
            "points: elongation",
        ),
    ],
)
def test_tampered_files_fail(
    change: Callable[[Arrays, dict[str, Any]], None], message: str, frame: Frame, tmp_path: Path
) -> None:
    path = saved(frame, SPEC, tmp_path)
    verify_attacked(path, frame)
    tamper(path, change)
    with pytest.raises(CalicoError, match=message):
        verify_attacked(path, frame)


def test_less_than_was_stored_fails_too(frame: Frame, tmp_path: Path) -> None:
    path = saved(frame, SPEC, tmp_path)
    tamper(path, lambda arrays, about: arrays.update(image_0=frame.images[0]))
    with pytest.raises(
        CalicoError,
        match=r"the measured budget is not the stored one: camera_levels is .0, 4., stored .4, 4.",
    ):
        verify_attacked(path, frame)


def test_another_clean_frame_or_another_token_fails(frame: Frame, tmp_path: Path) -> None:
    path = saved(frame, SPEC, tmp_path)
    darker = frame.replace(images=(frame.images[0] // 2, frame.images[1]))
    with pytest.raises(
        CalicoError, match=r"was made from another clean frame hand-0 .*other data, another reader"
    ):
        verify_attacked(path, darker)
    with pytest.raises(CalicoError, match="holds frame 'hand-0', expected 'hand-1'"):
        verify_attacked(path, frame.replace(token="hand-1"))
    with pytest.raises(CalicoError, match=r"hand-1-[0-9a-f]+\.npz: no such file"):
        verify_attacked(tmp_path, frame.replace(token="hand-1"))


def test_no_line_of_the_attacks_runs() -> None:
    """In a fresh interpreter: the verifier brings the budget check, the frame and numpy, and
    neither torch nor an algorithm."""
    code = (
        "import sys, calico_eval.attacks.budget.verify; print(*sorted(n for n in sys.modules if "
        "n.split('.')[0] in ROOTS))"
    )
    code = code.replace(
        "ROOTS", "('calico', 'calico_eval', 'corruptions', 'torch', 'torchattacks', 'pydantic')"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout.split()
    assert {name for name in found if not name.startswith("calico.files.")} == {
        "calico",
        "calico.errors",
        "calico.extras",
        "calico.files",
        "calico.frame",
        "calico.taxonomy",
        "calico_eval",
        "calico_eval.attacks",
        "calico_eval.attacks.budget",
        "calico_eval.attacks.budget.measure",
        "calico_eval.attacks.budget.saved",
        "calico_eval.attacks.budget.threat",
        "calico_eval.attacks.budget.verify",
    }
