"""The patches that frames show: their owners, their limits, and why there is none."""

from __future__ import annotations

from dataclasses import replace

from calico.data.source import FrameSource
from calico.frame import Boxes, Frame
from calico_eval.attacks import AttackSpec, Threat
from calico_eval.attacks.budget.patch_shape import PatchShape
from calico_eval.attacks.patch.placement import place_board
from calico_eval.attacks.patch.sites import board_sites, object_sites, texture_count

BOARD = AttackSpec("patch_world", Threat(patch_share=0.3), patch=PatchShape(ahead_m=8.0))
OBJECTS = AttackSpec("patch_object", Threat(patch_share=0.1), patch=PatchShape(objects=3))


def largest_share(frame: Frame, spec: AttackSpec) -> float:
    """Return the largest share of a view's pixels that show the board."""
    views = place_board(frame, frame, spec.patch).views
    return max(
        len(view) / (image.shape[0] * image.shape[1])
        for view, image in zip(views, frame.images, strict=True)
    )


def test_a_board_that_fills_more_than_the_share_is_taken_away(street_frame: Frame) -> None:
    frame = street_frame.replace(previous=None)
    share = largest_share(frame, BOARD)
    assert share > 0
    (kept,) = board_sites([frame], replace(BOARD, threat=Threat(patch_share=share)))
    assert len(kept.placed) == 1
    assert kept.note == ""
    (gone,) = board_sites([frame], replace(BOARD, threat=Threat(patch_share=0.99 * share)))
    assert gone.placed == ()
    assert gone.note == f"the board would fill {share:.3f} of a view: taken away"


def test_a_board_that_no_view_sees_is_no_patch(street_frame: Frame) -> None:
    frame = street_frame.replace(previous=None)
    above = replace(BOARD, patch=PatchShape(ahead_m=2.0, above_ground_m=5.0))
    (site,) = board_sites([frame], above)
    assert site.placed == ()
    assert site.note == "no view sees the board"


def test_frames_of_a_window_have_one_owner(street: FrameSource) -> None:
    first = street[0].replace(previous=None)
    second = street[1].replace(timestamp_s=first.timestamp_s, previous=lambda: first)
    assert [site.owner.token for site in board_sites([first, second], BOARD)] == [first.token] * 2
    assert [site.owner.token for site in object_sites([first, second], OBJECTS)] == [
        first.token,
        second.token,
    ]


def test_objects_declare_where_their_patches_are(street_frame: Frame) -> None:
    (site,) = object_sites([street_frame], OBJECTS)
    assert 1 <= len(site.placed) <= 3
    assert site.declared.on_objects
    assert len(site.declared.quads) == len(site.placed)
    (empty,) = object_sites([street_frame.replace(boxes=Boxes.empty())], OBJECTS)
    assert empty.placed == ()
    assert empty.note == "no object shows a patch"


def test_objects_have_a_texture_each_and_a_board_has_one() -> None:
    assert texture_count(object_sites, OBJECTS) == 3
    assert texture_count(board_sites, BOARD) == 1
