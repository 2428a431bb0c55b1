"""What an attacker may change: one allowance per kind of change, in physical units.

Nothing else may differ. Budgets are of the frame as a sensor delivers it: raw uint8 pixels, float32
points. `budget.measure_budget` measures the same quantities from two frames, without knowing the
attack, and `budget.check_budget` compares them one by one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from numbers import Real
from typing import Literal

from calico.errors import CalicoError

Sensor = Literal["camera", "lidar"]

_CAMERA = ("camera_levels", "camera_rms", "patch_share")
_LIDAR = ("range_m", "axis_m", "intensity", "points_added", "points_removed", "removed_share")
UNITS = {
    "camera_levels": "/255",
    "camera_rms": "/255 rms",
    "patch_share": "of a view",
    "range_m": "m",
    "axis_m": "m per axis",
    "intensity": "of full intensity",
    "points_added": "points",
    "points_removed": "points",
    "removed_share": "of the points",
    "window_deg": "deg",
}

_ONE_OF = (
    ("camera_levels", "camera_rms"),
    ("camera_levels", "patch_share"),
    ("camera_rms", "patch_share"),
    ("range_m", "axis_m"),
)
_SHARES = ("patch_share", "removed_share")
_WHOLE = ("camera_levels", "points_added", "points_removed")
_MOST = {
    "camera_levels": 255,
    "patch_share": 1,
    "removed_share": 1,
    "intensity": 1,
    "window_deg": 360,
}


@dataclass(frozen=True)
class Threat:
    """Allowances of an attacker. Several at once are one joint budget.

    An allowance of 0 permits no change of that kind.

    Attributes:
        camera_levels: L-infinity: largest change of any pixel value, whole grey levels of 255.
        camera_rms: L2: root of the mean square change over all pixel values of the frame's views
            [grey levels of 255]. The L2 norm of the change in [0, 1] is this times sqrt(number of
            values) / 255.
        patch_share: Share of a view's pixels that may take any colour, from 0 to 1.
        range_m: Change of a point's range along its ray, from the sensor's place at that point's
            sweep [m].
        axis_m: Change of each of x, y, z [m]: the literature's free box, which no laser could do.
        intensity: Change of a point's intensity, of full scale 1.
        points_added, points_removed: Points that only the attacked or only the clean frame has. A
            spoofed return takes the place of the one that its ray had, so injection needs both.
        removed_share: The same as `points_removed`, as a share of the frame's points from 0 to 1.
            The larger of the two counts.
        window_deg: Azimuth window that holds all added and removed points [deg]. 360 is anywhere.
        r_min_m: No point is moved along its ray, or added, closer to its sensor than this [m].
    """

    camera_levels: int = 0
    camera_rms: float = 0.0
    patch_share: float = 0.0
    range_m: float = 0.0
    axis_m: float = 0.0
    intensity: float = 0.0
    points_added: int = 0
    points_removed: int = 0
    removed_share: float = 0.0
    window_deg: float = 360.0
    r_min_m: float = 1.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, bool) or not isinstance(value, Real):
                raise CalicoError(
                    f"threat: {field.name} is {value!r:.60}, a {type(value).__name__}; expected a "
                    "finite number, 0 or more"
                )
            if not math.isfinite(value) or value < 0:
                raise CalicoError(
                    f"threat: {field.name} is {value}, expected a finite number, 0 or more"
                )
        for name in _WHOLE:
            if getattr(self, name) != int(getattr(self, name)):
                raise CalicoError(
                    f"threat: {name} is {getattr(self, name)}, expected a whole number "
                    "(8 levels mean 8/255; an 8-bit image holds no fractions)"
                )
        for field in fields(
            self
        ):  # 8.0 levels are 8 levels: one threat, one record, one cell of an evaluation
            number = int if field.name in _WHOLE else float
            object.__setattr__(self, field.name, number(getattr(self, field.name)))
        for name, most in _MOST.items():
            if getattr(self, name) > most:
                raise CalicoError(
                    f"threat: {name} is {getattr(self, name)}, expected at most {most}"
                )
        for one, other in _ONE_OF:
            if getattr(self, one) and getattr(self, other):
                raise CalicoError(
                    f"threat: both {one} and {other} are set; expected one norm for these numbers"
                )
        if not self.r_min_m > 0:
            raise CalicoError(f"threat: r_min_m is {self.r_min_m}, expected more than 0 metres")

    @property
    def sensors(self) -> tuple[Sensor, ...]:
        """What may change, or () for a threat that allows nothing."""
        kinds: tuple[tuple[Sensor, tuple[str, ...]], ...] = (("camera", _CAMERA), ("lidar", _LIDAR))
        return tuple(
            sensor for sensor, names in kinds if any(getattr(self, name) for name in names)
        )

    @property
    def structural(self) -> bool:
        """Whether points may appear or vanish, so that they can't be followed row by row."""
        return bool(self.points_added or self.points_removed or self.removed_share)

    @property
    def main(self) -> tuple[str, float, str]:
        """The allowance that a curve over budgets has on its axis: field, value, unit.

        A joint threat has the camera's.
        """
        for name in (*_CAMERA, *_LIDAR):
            if getattr(self, name):
                axis = "window_deg" if name == "removed_share" and self.window_deg < 360 else name
                return axis, getattr(self, axis), UNITS[axis]
        return "camera_levels", 0, UNITS["camera_levels"]

    def scaled(self, share: float) -> Threat:
        """Return every allowance times `share`, for joint attacks at half budgets and for curves.

        Whole numbers are rounded down.
        """
        values = {name: getattr(self, name) * share for name in (*_CAMERA, *_LIDAR)}
        for name in _WHOLE:
            values[name] = math.floor(values[name])
        return replace(self, **values)

    def __str__(self) -> str:
        """'8/255', '0.1 m', '4/255 + 0.1 m', '60 points within 10 deg'."""
        parts = []
        for name in (*_CAMERA, *_LIDAR):
            value, unit = getattr(self, name), UNITS[name]
            if value and not (name == "points_removed" and self.points_added):
                shown = f"{100 * value:g} %" if name in _SHARES else f"{value:g}"
                parts.append(f"{shown}{unit}" if unit.startswith("/") else f"{shown} {unit}")
        window = (
            f" within {self.window_deg:g} deg" if self.structural and self.window_deg < 360 else ""
        )
        return (" + ".join(parts) or "0") + window
