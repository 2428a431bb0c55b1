"""The check of patches sees what lies outside, what is too large, and what hangs on nothing."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from calico.data.source import FrameSource
from calico.errors import CalicoError
from calico.frame import Frame
from calico_eval.attacks import AttackSpec, Threat, attack_frame
from calico_eval.attacks import run as attack_module
from calico_eval.attacks.budget.patch_area import Declared, as_quad, changed_outside, check_declared
from calico_eval.attacks.budget.patch_shape import PatchShape
from calico_eval.attacks.details import Crafted
from calico_eval.attacks.patch.placement import place_board
from calico_eval.attacks.patch.visibility import find_visible_pixels
from calico_eval.engines.torch import TorchEngine

SHAPE = PatchShape()
GREY = AttackSpec("patch_world_grey", Threat(patch_share=0.3))


def painted(frame: Frame, view: int, rows: np.ndarray, columns: np.ndarray) -> Frame:
    images = [image.copy() for image in frame.images]
    images[view][rows, columns] ^= 1
    return frame.replace(images=tuple(images))


def test_exactly_the_pixels_of_the_board_may_change(street: FrameSource) -> None:
    frame = street[0]
    board = place_board(frame, frame, SHAPE).corners
    all_of_it = find_visible_pixels(frame, 0, board, hidden=False)
    assert len(all_of_it) > 20
    inside = painted(frame, 0, all_of_it.rows, all_of_it.columns)
    assert changed_outside(frame, inside, [as_quad(board)]) == (0,) * 6
    everything = painted(frame, 0, *np.indices(frame.images[0].shape[:2]).reshape(2, -1))
    outside = changed_outside(frame, everything, [as_quad(board)])
    assert outside == (32 * 64 - len(all_of_it), 0, 0, 0, 0, 0)
    assert check_declared(frame, everything, Declared((as_quad(board),), False), SHAPE).startswith(
        f"{outside[0]} changed"
    )
    assert changed_outside(frame, inside, [as_quad(board[[1, 0, 3, 2]])])[0] == len(all_of_it), (
        "seen from behind"
    )
    assert changed_outside(frame, inside, []) == (len(all_of_it), 0, 0, 0, 0, 0)


def test_a_board_is_no_larger_than_agreed_and_single(street: FrameSource) -> None:
    frame = street[0]
    board = as_quad(place_board(frame, frame, PatchShape(width_m=2.1)).corners)
    assert check_declared(frame, frame, Declared((board,), False), PatchShape(width_m=2.1)) == ""
    assert "measures 2.100 x 2.000 m, 2 x 2 m allowed" in check_declared(
        frame, frame, Declared((board,), False), SHAPE
    )
    twice = Declared((board, board), False)
    assert "2 boards, at most 1 allowed" in check_declared(
        frame, frame, twice, PatchShape(width_m=2.1)
    )


def test_a_patch_on_an_object_lies_in_its_box(street: FrameSource) -> None:
    frame = street[0]
    board = as_quad(place_board(frame, frame, SHAPE).corners)
    assert (
        check_declared(frame, frame, Declared((board,), True), SHAPE) == "patch 0 lies on no object"
    )


def test_a_patched_frame_with_one_more_pixel_is_not_scored(
    fused: TorchEngine, street: FrameSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = attack_module.ALGORITHMS["patch_world_grey"]

    def greedy(*arguments: object) -> list[Crafted]:
        return [
            Crafted(painted(one.frame, 3, np.array([0]), np.array([0])), one.details)
            for one in honest.compute_attack(*arguments)  # type: ignore[arg-type]
        ]

    attack_frame(fused, street[0], GREY, 0)
    monkeypatch.setitem(
        attack_module.ALGORITHMS,
        "patch_world_grey",
        dataclasses.replace(honest, compute_attack=greedy),
    )
    with pytest.raises(
        CalicoError, match=r"frame street0-0: 1 changed pixels of view 3 lie on no declared patch"
    ):
        attack_frame(fused, street[0], GREY, 0)
