"""The contract that every corruption keeps, on one street. A new one needs a line in
`<group>/measures.py` and nothing else.
"""

from __future__ import annotations

import dataclasses
import hashlib
import runpy
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from calico.frame import Frame
from corruptions import (
    SPECS,
    check_effect,
    check_summary,
    corrupt,
    corrupt_with,
    list_corruptions,
    measure_effect,
    summarise_effects,
)

SEVERITIES = (1, 2, 3, 4, 5)
FRAME_FILE = Path(__file__).with_name("conftest.py")


GROUPS = ("weather", "camera", "lidar", "timing", "alignment", "objects")
MEASURES: dict[str, Callable[[Frame, Frame], float]] = {}
SEEDLESS: set[str] = {"lidar_missing"}
"""Corruptions that draw nothing: the same bytes for every seed."""
SCENES, SCENE_FRAMES = 3, 20
for group in GROUPS:
    found = runpy.run_path(str(Path(__file__).parent / group / "measures.py"))
    MEASURES |= found["MEASURES"]
    SEEDLESS |= found.get("SEEDLESS", set())


def arrays(value: object) -> Iterator[np.ndarray]:
    """All arrays inside a frame."""
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from arrays(item)
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from arrays(getattr(value, field.name))


def digest(frame: Frame) -> str:
    state = hashlib.sha256()
    for array in arrays(frame):
        state.update(f"{array.dtype}{array.shape}".encode() + array.tobytes())
    return state.hexdigest()


@pytest.fixture(scope="module")
def run(street: Frame) -> Callable[[str, int], Frame]:
    @cache
    def cached(name: str, severity: int) -> Frame:
        return corrupt(street, name, severity, seed=7)

    return cached


@pytest.fixture(scope="module")
def scenes() -> list[Frame]:
    """Frames of scenes from their starts, each with the one before at hand. The scenes differ in
    their names only.
    """
    street_frame = runpy.run_path(str(FRAME_FILE))["street_frame"]
    painted = [street_frame(step=step) for step in range(SCENE_FRAMES)]
    frames: list[Frame] = []
    for name in (f"street{number}" for number in range(SCENES)):
        for step, frame in enumerate(painted):
            past = (lambda before: lambda: before)(frames[-1]) if step else None
            frames.append(frame.replace(token=f"{name}-{step}", scene=name, previous=past))
    return frames


@pytest.fixture(scope="module")
def pairs(
    street: Frame, run: Callable[[str, int], Frame], request: pytest.FixtureRequest
) -> Callable[[str, int], list[tuple[Frame, Frame]]]:
    """Return frames before and after, of whole scenes for what does not hit every frame."""

    @cache
    def cached(name: str, severity: int) -> list[tuple[Frame, Frame]]:
        if not SPECS[name].by_chance:
            return [(street, run(name, severity))]
        return [
            (frame, corrupt(frame, name, severity, seed=7))
            for frame in request.getfixturevalue("scenes")
        ]

    return cached


def test_every_corruption_is_measured() -> None:
    assert set(MEASURES) == set(SPECS)


@pytest.mark.parametrize("severity", SEVERITIES)
@pytest.mark.parametrize("name", list_corruptions())
def test_pure_and_valid(name: str, severity: int, street: Frame) -> None:
    before = digest(street)
    after = corrupt(street, name, severity, seed=7)
    assert digest(street) == before
    assert not any(np.may_share_memory(a, b) for a in arrays(street) for b in arrays(after))
    assert type(after) is Frame
    for old, new in zip(street.images, after.images, strict=True):
        assert (new.dtype, new.shape) == (np.uint8, old.shape)
    n = len(after.points)
    for field in ("points", "ring", "sweep_index", "elongation"):
        new = getattr(after, field)
        assert new.dtype == getattr(street, field).dtype
        assert len(new) == n
    assert np.isfinite(after.points).all()
    assert ((after.points[:, 3] >= 0) & (after.points[:, 3] <= 1)).all()
    assert set(after.ring) <= set(street.ring)
    assert set(after.points[:, 4]) <= set(street.points[:, 4])
    assert np.isfinite(after.camera_T_lidar).all()
    assert np.isfinite(after.camera_K).all()
    assert after.boxes.boxes.dtype == np.float32
    assert after.boxes.boxes.shape == street.boxes.boxes.shape
    if "labels" not in SPECS[name].sensors:
        assert np.array_equal(after.boxes.boxes, street.boxes.boxes, equal_nan=True)
    assert np.array_equal(after.map_masks, street.map_masks)
    assert np.array_equal(after.ego_T_lidar, street.ego_T_lidar)


@pytest.mark.parametrize("severity", SEVERITIES)
@pytest.mark.parametrize("name", list_corruptions())
def test_changes_its_sensors_and_no_other(
    name: str, severity: int, pairs: Callable[[str, int], list[tuple[Frame, Frame]]]
) -> None:
    effects = [measure_effect(before, after) for before, after in pairs(name, severity)]
    passed, measured, message = check_summary(SPECS[name], summarise_effects(effects))
    assert passed, message
    assert np.isfinite(list(measured.values())).all()
    changed = {one.changed for one in effects}
    assert changed - {frozenset()} == {frozenset(SPECS[name].sensors)}
    assert SPECS[name].by_chance or frozenset() not in changed


@pytest.mark.parametrize("name", list_corruptions())
def test_severity_zero_is_a_copy_and_fails_the_effect_check(name: str, street: Frame) -> None:
    after = corrupt(street, name, 0, seed=7)
    assert digest(after) == digest(street)
    assert not any(np.may_share_memory(a, b) for a in arrays(street) for b in arrays(after))
    passed, _, message = check_effect(name, street, after)
    assert not passed
    assert message.startswith(f"{name}: changed {SPECS[name].sensors[0]} in 0 of 1 frames")


@pytest.mark.parametrize("name", list_corruptions())
def test_severities_are_monotone(
    name: str, pairs: Callable[[str, int], list[tuple[Frame, Frame]]]
) -> None:
    frames = [(before, before) for before, _ in pairs(name, 1)]
    values = [
        sum(MEASURES[name](*pair) for pair in group)
        for group in (frames, *(pairs(name, s) for s in SEVERITIES))
    ]
    steps = np.diff(values)
    assert steps[0] > 0
    if len(set(SPECS[name].levels)) == 1:
        assert (steps[1:] == 0).all()
    else:
        assert (steps > 0).all(), values


@pytest.mark.parametrize("name", list_corruptions())
def test_levels_are_strictly_ordered_and_within_limits(name: str) -> None:
    spec = SPECS[name]
    steps = np.diff(spec.levels)
    assert (steps > 0).all() or (steps < 0).all() or len(set(spec.levels)) == 1
    assert all(spec.limits[0] <= level <= spec.limits[1] for level in spec.levels)
    assert spec.description
    assert spec.description != spec.name
    assert spec.unit
    assert spec.source


def test_parameter_names_are_unique() -> None:
    parameters = [spec.parameter for spec in SPECS.values()]
    assert len(set(parameters)) == len(parameters)


@pytest.mark.parametrize("name", list_corruptions())
def test_parameter_at_its_level_is_the_severity(
    name: str, street: Frame, run: Callable[[str, int], Frame]
) -> None:
    assert digest(corrupt_with(street, name, SPECS[name].value_at(3), seed=7)) == digest(
        run(name, 3)
    )


def test_same_bytes_in_another_order_and_process(
    street: Frame, run: Callable[[str, int], Frame]
) -> None:
    expected = {name: digest(run(name, 3)) for name in list_corruptions()}
    for name in reversed(list_corruptions()):
        corrupt(street.replace(token="another", scene="elsewhere"), name, 2, seed=7)
        assert digest(corrupt(street, name, 3, seed=7)) == expected[name]
    program = (
        "import runpy\n"
        f"frame = runpy.run_path({str(FRAME_FILE)!r})['street_frame']()\n"
        f"digest = runpy.run_path({str(Path(__file__))!r})['digest']\n"
        "from corruptions import corrupt, list_corruptions\n"
        "for name in reversed(list_corruptions()): print(name, digest(corrupt(frame, name, 3, "
        "7)))\n"
    )
    root = Path(__file__).parents[2]
    out = subprocess.run(
        [sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True
    ).stdout
    assert dict(line.split() for line in out.splitlines()) == expected


@pytest.mark.parametrize("name", list_corruptions())
def test_another_seed_gives_other_bytes(
    name: str, pairs: Callable[[str, int], list[tuple[Frame, Frame]]]
) -> None:
    same = all(
        digest(corrupt(before, name, 5, seed=8)) == digest(after)
        for before, after in pairs(name, 5)
    )
    assert same == (name in SEEDLESS)


@pytest.mark.parametrize("name", list_corruptions())
def test_frame_without_points_boxes_or_cameras(
    name: str, pairs: Callable[[str, int], list[tuple[Frame, Frame]]]
) -> None:
    street = next(
        before for before, after in pairs(name, 5) if measure_effect(before, after).changed
    )
    empty = street.replace(
        points=street.points[:0],
        ring=street.ring[:0],
        sweep_index=street.sweep_index[:0],
        elongation=None,
    )
    assert len(corrupt(empty, name, 5, seed=7).points) == 0
    blind = street.replace(
        images=(),
        camera_K=np.zeros((0, 3, 3)),
        camera_T_lidar=np.zeros((0, 4, 4)),
        camera_time_s=np.zeros(0),
    )
    after = corrupt(blind, name, 5, seed=7)
    assert after.images == ()
    passed, _, message = check_effect(name, blind, after)
    assert passed == ("lidar" in SPECS[name].sensors)
    assert passed or "none of 1 frames has" in message
