"""The patches that frames show, before a texture is chosen.

They are the same for an attack and its controls.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from calico.frame import Frame
from calico_eval.attacks.budget.patch_area import Declared, as_quad
from calico_eval.attacks.patch.placement import Placed, anchor_of, place_board, place_on_objects
from calico_eval.attacks.spec import AttackSpec


@dataclass(frozen=True)
class Site:
    """The patches of one frame.

    Attributes:
        owner: The frame that their textures are made for: the frame itself, or the keyframe that
            the board was set up in.
        placed: The patches. Patch k shows texture k.
        note: Why there is no patch.
    """

    owner: Frame
    placed: tuple[Placed, ...]
    note: str = ""
    on_objects: bool = False

    @property
    def declared(self) -> Declared:
        """The places that the attack declares, to be checked."""
        return Declared(tuple(as_quad(one.corners) for one in self.placed), self.on_objects)


Sites = Callable[[Sequence[Frame], AttackSpec], list[Site]]


def object_sites(frames: Sequence[Frame], spec: AttackSpec) -> list[Site]:
    """Place patches on objects, see `placement.on_objects`.

    Args:
        frames: The frames with their ground truth.
        spec: The attack.
    """
    found = []
    for frame in frames:
        placed = tuple(place_on_objects(frame, spec.patch, spec.threat.patch_share))
        found.append(
            Site(frame, placed, "" if placed else "no object shows a patch", on_objects=True)
        )
    return found


def board_sites(frames: Sequence[Frame], spec: AttackSpec) -> list[Site]:
    """Place the board in the frames that see it.

    It is taken away if it would fill more of a view than the threat allows.

    Args:
        frames: The frames.
        spec: The attack.
    """
    return [_board(frame, anchor_of(frame), spec) for frame in frames]


def _board(frame: Frame, anchor: Frame, spec: AttackSpec) -> Site:
    one = place_board(frame, anchor, spec.patch)
    if not one.pixels:
        return Site(anchor, (), "no view sees the board")
    share = max(
        len(view) / image[..., 0].size for view, image in zip(one.views, frame.images, strict=True)
    )
    if share > spec.threat.patch_share:
        return Site(anchor, (), f"the board would fill {share:.3f} of a view: taken away")
    return Site(anchor, (one,))


def texture_count(site: Sites, spec: AttackSpec) -> int:
    """Count the textures of a frame.

    Args:
        site: Function that places the patches.
        spec: The attack.
    """
    return spec.patch.objects if site is object_sites else 1
