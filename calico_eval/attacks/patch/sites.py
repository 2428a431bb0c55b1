"""Which patches frames show, before anybody has chosen a texture: the same for an attack and its controls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from calico.frame import Frame
from calico_eval.attacks.budget.patch_area import Declared, as_quad
from calico_eval.attacks.patch.placement import Placed, anchor_of, on_objects, place_board
from calico_eval.attacks.spec import AttackSpec


@dataclass(frozen=True)
class Site:
    """The patches of one frame.

    owner: the frame that their textures are made for: itself, or the keyframe that the board was set up in.
    placed: patch k shows texture k. note: why there is none.
    """

    owner: Frame
    placed: tuple[Placed, ...]
    note: str = ""
    on_objects: bool = False

    @property
    def declared(self) -> Declared:
        """For the referee."""
        return Declared(tuple(as_quad(one.corners) for one in self.placed), self.on_objects)


Sites = Callable[[Sequence[Frame], AttackSpec], list[Site]]


def object_sites(frames: Sequence[Frame], spec: AttackSpec) -> list[Site]:
    """See `patch_place.on_objects`."""
    found = []
    for frame in frames:
        placed = tuple(on_objects(frame, spec.patch, spec.threat.patch_share))
        found.append(
            Site(frame, placed, "" if placed else "no object shows a patch", on_objects=True)
        )
    return found


def board_sites(frames: Sequence[Frame], spec: AttackSpec) -> list[Site]:
    """The board where it is seen. It is taken away where it would fill more of a view than the threat allows."""
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
    """K: textures of a frame."""
    return spec.patch.objects if site is object_sites else 1
