from __future__ import annotations

import numpy as np
import pytest
import shapely

from calico.data.sim.compose import global_T_ego
from calico.data.sim.world import World, build_world
from calico.data.waymo.records import WaymoRecord
from calico.data.waymo.simulate import simulate_segments
from calico.data.waymo.simulated.rig import (
    WaymoRig,
)
from calico.errors import CalicoError
from tests.calico.data.waymo.small import CONFIG, RIG, segment


@pytest.fixture(scope="module")
def world() -> World:
    return build_world(CONFIG.seed, "train", 0, 2)


def pose_in_simulator(record: WaymoRecord) -> np.ndarray:
    pose = record.world_T_vehicle.copy()
    pose[:3, 3] -= RIG.world_shift
    return pose


def test_frames_are_a_tenth_of_a_second_apart_and_named(records: tuple[WaymoRecord, ...]) -> None:
    times = [record.timestamp_us for record in records]
    assert np.diff(times).tolist() == [100_000, 100_000]
    assert {record.context for record in records} == {segment().context}
    assert len({one.context for one in simulate_segments(CONFIG, "val", RIG)}) == 2


def test_the_pose_is_that_of_the_simulators_vehicle(
    records: tuple[WaymoRecord, ...], world: World
) -> None:
    for number, record in enumerate(records):
        expected = global_T_ego(world, number * 0.1 + 0.05)
        assert pose_in_simulator(record) == pytest.approx(expected, abs=1e-9)


def test_the_same_scene_gives_the_same_record(records: tuple[WaymoRecord, ...]) -> None:
    again = next(segment().records())
    for laser, scan in again.scans.items():
        for a, b in zip(scan.returns, records[0].scans[laser].returns, strict=True):
            assert np.array_equal(a, b)
    assert all(again.images[k].jpeg == records[0].images[k].jpeg for k in again.images)
    assert np.array_equal(again.labels.boxes, records[0].labels.boxes)


def test_conditions_are_those_of_the_light(records: tuple[WaymoRecord, ...], world: World) -> None:
    expected = {"night": "Night", "low_sun": "Dawn/Dusk"}.get(world.light.name, "Day")
    assert records[0].conditions.time_of_day == expected


def test_the_map_moves_with_the_world(records: tuple[WaymoRecord, ...]) -> None:
    """The vehicle stands on the first lane that leads its way."""
    record = records[0]
    assert record.map_features is not None
    place = record.world_T_vehicle[:3, 3] + record.map_offset
    lanes = [one.points for one in record.map_features if one.kind == "lane"]
    nearest = min(
        shapely.LineString(lane[:, :2]).distance(shapely.Point(place[:2])) for lane in lanes
    )
    assert nearest < 0.5
    assert abs(lanes[0][0, 2] - place[2]) < 0.2


def test_wrong_splits_and_sizes_are_named() -> None:
    with pytest.raises(CalicoError, match="got split 'nowhere', expected one of train, val, test"):
        simulate_segments(CONFIG, "nowhere")
    with pytest.raises(CalicoError, match="expected 4 to 8192"):
        WaymoRig(image_width=2)
