"""Size and place of patches: the decisions of an attacker who does not know the model yet."""

from __future__ import annotations

from dataclasses import dataclass, fields

from calico.errors import CalicoError

_LIMITS = {
    "objects": (1, 20),
    "box_share": (0.01, 0.5),
    "width_m": (0.1, 5.0),
    "height_m": (0.1, 5.0),
    "ahead_m": (2.0, 60.0),
    "left_m": (-20.0, 20.0),
    "above_ground_m": (0.0, 5.0),
}


@dataclass(frozen=True)
class PatchShape:
    """Size and place of patches.

    Attributes:
        objects: How many of the nearest objects carry a patch.
        box_share: Share of the pixels of an object's projected box that a patch may fill, .01 to
            .5.
        width_m, height_m: Size of a board in the world [m].
        lying: Whether the board lies flat on the ground, its top edge away from the car; otherwise
            it stands and faces the car.
        ahead_m, left_m: Middle of the board in the ego frame of the keyframe that it is set up in
            [m].
        above_ground_m: Height of the lower edge of a standing board [m].
    """

    objects: int = 3
    box_share: float = 0.25
    width_m: float = 2.0
    height_m: float = 2.0
    lying: bool = False
    ahead_m: float = 10.0
    left_m: float = -4.5
    above_ground_m: float = 0.3

    def __post_init__(self) -> None:
        for name, (low, high) in _LIMITS.items():
            if not low <= getattr(self, name) <= high:
                raise CalicoError(
                    f"patch: {name} is {getattr(self, name)}, expected {low:g} to {high:g}"
                )
        if self.objects != int(self.objects):
            raise CalicoError(f"patch: objects is {self.objects}, expected a whole number")

    def parameters(self, *, on_objects: bool) -> dict[str, float | int | str | None]:
        """List what a patch depends on, by name, for results.

        Args:
            on_objects: Whether it is a patch on objects; otherwise a board.
        """
        mine = ("objects", "box_share")
        return {
            f"patch_{field.name}": float(value) if isinstance(value, float) else int(value)
            for field in fields(self)
            if (field.name in mine) == on_objects
            and isinstance(value := getattr(self, field.name), int | float)
        }
