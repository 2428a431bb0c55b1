"""Attacks as a user names them: an algorithm, sensors and budgets with units, or the suite.

The table of attacks, and torch with it, is loaded for `check_options` and `attack_specs`. Budgets
are read without it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from calico.errors import CalicoError
from calico.extras import require_extra
from calico_eval.attacks.budget.threat import Threat
from calico_eval.attacks.spec import AttackSpec, check_choice

if TYPE_CHECKING:
    from calico_eval.attacks.catalogue import Algorithm

SENSORS = ("camera", "lidar", "joint")
CAMERA = ("camera_levels", "camera_rms")
_FORMS = (
    (r"(\d+)/255", "camera_levels"),
    (r"([\d.]+)/255rms", "camera_rms"),
    (r"([\d.]+)m", "range_m"),
    (r"([\d.]+)m/axis", "axis_m"),
    (r"([\d.]+)i", "intensity"),
    (r"(\d+)points", "points"),
    (r"([\d.]+)%", "share"),
    (r"([\d.]+)deg", "window_deg"),
)
FORMS_TEXT = (
    "4/255 (grey levels), 2/255rms (L2), 0.1m (along the ray), 0.1m/axis, 0.05i "
    "(intensity), 60points, 10%, 20deg"
)
_EXAMPLES = {
    "camera_levels": "4/255",
    "camera_rms": "2/255rms",
    "range_m": "0.1m",
    "axis_m": "0.1m/axis",
    "intensity": "0.05i",
    "points_added": "60points",
    "points_removed": "60points",
    "patch_share": "10%",
    "removed_share": "10%",
    "window_deg": "20deg",
}
"""How a budget of each allowance is typed."""


@dataclass(frozen=True)
class Budget:
    """One allowance as typed.

    Attributes:
        field: A field of `Threat`, or 'points' or 'share', whose field depends on the attack.
        value: The number.
    """

    field: str
    value: float

    @staticmethod
    def parse(text: str) -> Budget:
        """Parse '4/255', '0.1m' and the like.

        Raises:
            CalicoError: The text has no known form.
        """
        for form, name in _FORMS:
            found = re.fullmatch(form, text.strip())
            if found:
                try:
                    value = float(found[1])
                except ValueError:
                    break
                if not math.isfinite(value):
                    break
                return Budget(name, value / 100.0 if name == "share" else value)
        raise CalicoError(f"budget {text!r}: expected a number with its unit, one of {FORMS_TEXT}")


def check_options(
    names: Sequence[str],
    sensors: Sequence[str],
    objectives: Sequence[str],
    steps: int | None = None,
    queries: int | None = None,
) -> None:
    """Check the names that the user typed.

    Args:
        names: Attacks.
        sensors: Sensors.
        objectives: Objectives.
        steps: Value of --steps, or None if it was not given.
        queries: Value of --queries, or None if it was not given.

    Raises:
        CalicoError: An attack, sensor or objective is unknown (with the closest match), `steps` is
            given and no chosen attack uses gradients, or `queries` is given and none uses queries.
    """
    for sensor in sensors:
        check_choice("attack: sensor", sensor, SENSORS)
    if not names:
        return
    require_extra("an attack", "train")
    from calico_eval.attacks.catalogue import ALGORITHMS
    from calico_eval.attacks.success.rates import SUCCESS_OF

    for name in names:
        check_choice("attack", name, ALGORITHMS)
        if name.startswith("ta_"):
            require_extra(f"attack {name}", "torchattacks")
    for objective in objectives:
        check_choice("attack objective", objective, SUCCESS_OF)
    makes = {ALGORITHMS[name].access for name in names if ALGORITHMS[name].steps > 1}
    options = {"gradients": ("--steps", steps), "queries": ("--queries", queries)}
    for access, (option, given) in options.items():
        if given and access not in makes:
            other = next((typed for kind, (typed, _) in options.items() if kind in makes), "")
            raise CalicoError(
                f"{option} {given}: none of the attacks {', '.join(names)} makes several "
                f"{option[2:]}; "
                + (f"expected {other}, or leave it out" if other else "leave it out")
            )


def attack_specs(
    names: Sequence[str],
    sensors: Sequence[str],
    budgets: Sequence[Budget] = (),
    *,
    objectives: Sequence[str] = (),
    steps: int | None = None,
    queries: int | None = None,
    restarts: int = 1,
) -> tuple[AttackSpec, ...]:
    """List every attack with every objective at every budget that it can use.

    Without budgets an attack has its standard threats. An attack on pixels or point positions is
    run on each of `sensors` in turn. 'joint' pairs the i-th camera budget with the i-th LiDAR
    budget. Attacks whose sensor is fixed (patches, spoofing) need it among them.

    Args:
        names: Attacks.
        sensors: 'camera', 'lidar', 'joint'.
        budgets: Budgets as typed.
        objectives: Objectives; "hide" if empty.
        steps: Steps of attacks by gradients, or None for each attack's standard number.
        queries: Queries of attacks by queries, or None for each attack's standard number.
        restarts: Independent starts.

    Raises:
        CalicoError: A name, sensor or objective is unknown, none of the attacks can use a budget or
            an effort, or an attack has nothing to do on these sensors.
    """
    from calico_eval.attacks.catalogue import ALGORITHMS, BALL, check_spec

    check_options(names, sensors, objectives, steps, queries)
    efforts = {"gradients": steps, "queries": queries}
    specs: list[AttackSpec] = []
    used: set[Budget] = set()
    for name in names:
        algorithm = ALGORITHMS[name]
        threats, mine = (
            _ball(algorithm, sensors, budgets)
            if set(algorithm.allowances) <= set(BALL)
            else _fixed(algorithm, sensors, budgets)
        )
        if not threats:
            raise CalicoError(
                f"attack {name}: nothing to attack on {', '.join(sensors)}; leave it out, or give "
                "a --sensor that it is for"
            )
        used |= mine
        specs += [
            check_spec(
                AttackSpec(
                    name,
                    threat,
                    objective,
                    steps=efforts.get(algorithm.access) or algorithm.steps,
                    restarts=restarts,
                )
            )
            for threat in threats
            for objective in objectives or ("hide",)
        ]
    idle = [budget for budget in budgets if budget not in used]
    if idle:
        raise CalicoError(
            f"budget {idle[0].field} {idle[0].value:g}: none of the attacks {', '.join(names)} on "
            f"{', '.join(sensors)} can use it; {_usable(names)}"
        )
    return tuple(dict.fromkeys(specs))


def _usable(names: Sequence[str]) -> str:
    """'pgd takes 4/255, 0.1m; spoof takes 60points', budgets as they are typed."""
    from calico_eval.attacks.catalogue import ALGORITHMS

    taken = {
        n: dict.fromkeys(_EXAMPLES[a] for a in ALGORITHMS[n].allowances if a in _EXAMPLES)
        for n in names
    }
    return "; ".join(f"{name} takes {', '.join(forms) or 'none'}" for name, forms in taken.items())


def _ball(
    algorithm: Algorithm, sensors: Sequence[str], budgets: Sequence[Budget]
) -> tuple[list[Threat], set[Budget]]:
    """Threats on pixels, positions and intensities, and the budgets that they use."""
    usable = [b for b in budgets if b.field in algorithm.allowances]
    camera, lidar = (
        [b for b in usable if (b.field in CAMERA) is of_camera] for of_camera in (True, False)
    )
    on_camera, on_lidar = (
        [_set(Threat(), b.field, b.value) for b in given]
        or [t for t in algorithm.standard if t.sensors == (sensor,)]
        for given, sensor in ((camera, "camera"), (lidar, "lidar"))
    )
    threats: list[Threat] = []
    used: set[Budget] = set()
    for sensor in sensors:
        if sensor == "camera":
            threats, used = threats + on_camera, used | set(camera)
        elif sensor == "lidar":
            threats, used = threats + on_lidar, used | set(lidar)
        elif len(on_camera) != len(on_lidar):
            raise CalicoError(
                f"attack {algorithm.name} on joint: {len(on_camera)} camera budgets and "
                f"{len(on_lidar)} LiDAR budgets; "
                "expected as many of one as of the other, which are paired"
            )
        else:
            if mixed := next((one for one in camera if one.field == "camera_rms"), None):
                raise CalicoError(
                    f"attack {algorithm.name} on joint: a joint budget is L-infinity; expected "
                    "grey levels, e.g. 4/255, "
                    f"in place of {mixed.value:g}/255rms"
                )
            threats += [_joint(one, other) for one, other in zip(on_camera, on_lidar, strict=True)]
            used |= {*camera, *lidar}
    return threats, used


def _fixed(
    algorithm: Algorithm, sensors: Sequence[str], budgets: Sequence[Budget]
) -> tuple[list[Threat], set[Budget]]:
    """Combine the first standard threat of an attack with each budget that it can use.

    Without a budget the standard threats are returned.
    """
    allowed = [threat for threat in algorithm.standard if set(threat.sensors) <= set(sensors)]
    if not allowed:
        return [], set()
    threats: list[Threat] = []
    used: set[Budget] = set()
    for budget in budgets:
        field = _field(budget, allowed[0], algorithm)
        if field:
            threats.append(_set(allowed[0], field, budget.value))
            used.add(budget)
    return threats or allowed, used


def _field(budget: Budget, template: Threat, algorithm: Algorithm) -> str | None:
    """The field of `Threat` that a budget means for an attack, or None where it means nothing."""
    names = {
        "points": ("points_added", "points_removed"),
        "share": ("patch_share", "removed_share"),
    }
    for name in names.get(budget.field, (budget.field,)):
        if name in algorithm.allowances and (getattr(template, name) or budget.field not in names):
            return name
    return None


def _set(threat: Threat, field: str, value: float) -> Threat:
    """The threat with one allowance changed.

    Points that replace others on their rays change along.
    """
    whole = int(value) if field in ("camera_levels", "points_added", "points_removed") else value
    changes: dict[str, float] = {field: whole}
    if field == "points_added" and threat.points_removed == threat.points_added:
        changes["points_removed"] = whole
    return replace(threat, **changes)  # type: ignore[arg-type]


def _joint(camera: Threat, lidar: Threat) -> Threat:
    changes = {name: getattr(lidar, name) for name in ("range_m", "axis_m", "intensity")}
    return replace(camera, **changes)
