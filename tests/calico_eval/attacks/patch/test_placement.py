"""Where patches hang: still in the world, on the nearest objects, within their share."""

from __future__ import annotations

import numpy as np
import pytest

from calico.data.source import FrameSource
from calico.errors import CalicoError
from calico.frame import Frame
from calico.geometry.boxes import points_in_boxes
from calico.geometry.frames import from_yaw
from calico_eval.attacks.budget.patch_shape import PatchShape
from calico_eval.attacks.patch.placement import anchor_of, place_board, place_on_objects
from calico_eval.attacks.patch.visibility import box_pixels, find_visible_pixels


def moving(street: FrameSource) -> list[Frame]:
    """Three keyframes of a car that turns and climbs, half a second apart."""
    first, second, third = (street[index].replace(previous=None) for index in (0, 1, 2))
    tilt = from_yaw(0.3, (2.5, 0.4, 1.9))
    tilt[:3, :3] = tilt[:3, :3] @ np.array(
        [[np.cos(0.05), 0, np.sin(0.05)], [0, 1, 0], [-np.sin(0.05), 0, np.cos(0.05)]]
    )
    second = second.replace(global_T_lidar=tilt, previous=lambda: first)
    return [first, second, third.replace(previous=lambda: second)]


def test_a_board_stands_still_while_the_car_moves(street: FrameSource) -> None:
    first, second, third = moving(street)
    shape = PatchShape(width_m=1.5, height_m=1.0, ahead_m=9.0, left_m=-3.0, above_ground_m=0.5)
    world = []
    for frame in (first, second):
        assert anchor_of(frame) is first
        corners = place_board(frame, anchor_of(frame), shape).corners
        world.append(corners @ frame.global_T_lidar[:3, :3].T + frame.global_T_lidar[:3, 3])
    assert np.allclose(*world, atol=1e-9)
    # the ego frame of street lies 0.9 m ahead of the LiDAR's and 1.8 m below it: see street.py
    ego_x, ground = -0.9, -1.8
    expected = [
        [9.0 + ego_x, -3.0 + side * 0.75, ground + z]
        for side, z in ((1, 1.5), (-1, 1.5), (-1, 0.5), (1, 0.5))
    ]
    expected_world = np.array(expected) + first.global_T_lidar[:3, 3]
    assert np.allclose(world[0], expected_world, atol=1e-9)
    assert anchor_of(third) is third, "a second later it is set up anew"


def test_a_lying_board_is_on_the_ground(street: FrameSource) -> None:
    frame = street[0]
    corners = place_board(
        frame, frame, PatchShape(lying=True, width_m=2, height_m=1, left_m=0)
    ).corners
    assert np.allclose(corners[:, 2], -1.8)
    assert np.allclose(np.ptp(corners, axis=0), [1, 2, 0])
    assert len(find_visible_pixels(frame, 0, corners)) > 5


def test_patches_are_on_the_nearest_objects_and_within_their_share(street: FrameSource) -> None:
    frame, shape = street[1], PatchShape(objects=3, box_share=0.3)
    placed = place_on_objects(frame, shape, 1.0)
    assert len(placed) == 3
    distance = np.hypot(*frame.boxes.boxes[:, :2].T)
    owners = []
    for one in placed:
        (index,) = np.flatnonzero(
            points_in_boxes(one.corners, frame.boxes.boxes, margin_m=1e-3).all(axis=1)
        )
        owners.append(int(index))
        fullest = 0.0
        for view in range(len(frame.images)):
            pixels = len(find_visible_pixels(frame, view, one.corners, hidden=False))
            area = box_pixels(frame, view, frame.boxes.boxes[index].astype(np.float64))
            assert pixels <= 0.3 * area
            fullest = max(fullest, pixels / max(area, 1))
        assert fullest > 0.2, "not needlessly small"
    assert owners == sorted(owners, key=lambda index: distance[index])
    seen_nearest = [i for i in np.argsort(distance) if frame.boxes.num_points[i] > 0]
    assert set(owners) <= set(seen_nearest[:6])


def test_patches_keep_to_the_share_of_a_view(street: FrameSource) -> None:
    frame = street[1]
    unlimited, limited = (
        place_on_objects(frame, PatchShape(objects=5), share) for share in (1.0, 0.03)
    )

    def most(placed: list) -> float:
        return (
            max(sum(len(one.views[view]) for one in placed) for view in range(6))
            / frame.images[0][..., 0].size
        )

    assert most(unlimited) > 0.03
    assert 0.01 < most(limited) <= 0.03


def test_impossible_shapes_are_refused() -> None:
    with pytest.raises(CalicoError, match=r"patch: box_share is 0\.9, expected 0\.01 to 0\.5"):
        PatchShape(box_share=0.9)
