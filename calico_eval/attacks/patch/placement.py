"""The places of patches: on objects of the ground truth, or on a board in the world.

The board stands still in the world while the car drives on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from calico.frame import Float64, Frame
from calico.geometry.boxes import box_corners as box_corners
from calico.geometry.frames import invert_transform, transform_points
from calico_eval.attacks.budget.patch_shape import PatchShape
from calico_eval.attacks.patch.visibility import Seen, box_pixels, find_visible_pixels

WINDOW_S = 1.0
"""A board stands for so long; then it is set up anew ahead of the car, which would have driven past
it."""

SIDES = ((0, 1), (1, 2), (2, 3), (3, 0))
"""Vertical sides of a box, as its lower corners from right to left for who faces them (order of
`geometry.boxes.box_corners`)."""


@dataclass(frozen=True)
class Placed:
    """A patch in a frame.

    Attributes:
        corners: (4, 3) in its LiDAR frame [m], see `visibility`.
        views: The pixels that show it, per view, or () for a patch that fits nowhere.
    """

    corners: Float64
    views: tuple[Seen, ...]

    @property
    def pixels(self) -> int:
        """That show it, in all views."""
        return sum(len(view) for view in self.views)


def place_on_objects(frame: Frame, shape: PatchShape, view_share: float) -> list[Placed]:
    """Place patches on the nearest objects with LiDAR points, at most `shape.objects` of them.

    A patch of at least one pixel must be visible on the object. The patch is flat on the vertical
    side of the object's box that fills most of the sensor's view (area x cosine / distance^2), in
    its middle and of its proportions. It is as large as possible, but in no view does it fill more
    than `shape.box_share` of the pixels of the box's projection, or all patches together more than
    `view_share` of the view.

    Args:
        frame: The frame with its ground truth.
        shape: Size and place of patches.
        view_share: Largest share of a view that all patches may fill.
    """
    room = [int(view_share * image.shape[0] * image.shape[1]) for image in frame.images]
    boxes = frame.boxes.boxes.astype(np.float64)
    order = np.argsort(np.hypot(boxes[:, 0], boxes[:, 1]), kind="stable")
    placed: list[Placed] = []
    for index in (int(i) for i in order if frame.boxes.num_points[i] > 0):
        if len(placed) == shape.objects:
            break
        taken = [sum(len(other.views[view]) for other in placed) for view in range(len(room))]
        left = [all_ - used for all_, used in zip(room, taken, strict=True)]
        one = _on_object(frame, index, boxes[index], shape.box_share, left)
        if one.pixels:
            placed.append(one)
    return placed


def place_board(frame: Frame, anchor: Frame, shape: PatchShape) -> Placed:
    """Return a board as a frame sees it. The board stands still in the global frame.

    Args:
        frame: The frame.
        anchor: The keyframe in which the board was set up.
        shape: Size and place of the board.
    """
    world = transform_points(
        anchor.global_T_lidar @ invert_transform(anchor.ego_T_lidar), _in_ego(shape)
    )
    corners: Float64 = transform_points(invert_transform(frame.global_T_lidar), world).astype(
        np.float64
    )
    return _placed(frame, corners, None)


def anchor_of(frame: Frame) -> Frame:
    """The first keyframe of the scene in the frame's window of WINDOW_S.

    There the board was set up. It needs the frame alone.
    """
    window = int(frame.timestamp_s // WINDOW_S)
    while frame.previous is not None:
        before = frame.previous()
        if (
            before is None
            or before.scene != frame.scene
            or int(before.timestamp_s // WINDOW_S) != window
        ):
            break
        frame = before
    return frame


def _in_ego(shape: PatchShape) -> Float64:
    """(4, 3) corners in the ego frame: z = 0 is the ground."""
    left, right = shape.left_m + shape.width_m / 2, shape.left_m - shape.width_m / 2
    if shape.lying:
        near, far = shape.ahead_m - shape.height_m / 2, shape.ahead_m + shape.height_m / 2
        return np.array(
            [[far, left, 0.0], [far, right, 0.0], [near, right, 0.0], [near, left, 0.0]]
        )
    low, high, x = shape.above_ground_m, shape.above_ground_m + shape.height_m, shape.ahead_m
    return np.array([[x, left, high], [x, right, high], [x, right, low], [x, left, low]])


def _placed(frame: Frame, corners: Float64, own: int | None) -> Placed:
    return Placed(
        corners,
        tuple(
            find_visible_pixels(frame, view, corners, own=own) for view in range(len(frame.images))
        ),
    )


def _on_object(frame: Frame, index: int, box: Float64, box_share: float, room: list[int]) -> Placed:
    """The largest patch on a box's side within the limits, found from above."""
    side = _widest_side(box)
    middle = side.mean(axis=0)
    full = {
        view: len(find_visible_pixels(frame, view, side, hidden=False)) for view in range(len(room))
    }
    limits = {
        view: min(int(box_share * box_pixels(frame, view, box)), room[view])
        for view, count in full.items()
        if count
    }
    scale = min([1.0, *(float(np.sqrt(limit / full[view])) for view, limit in limits.items())])
    while scale > 0.01:
        corners = middle + scale * (side - middle)
        if all(
            len(find_visible_pixels(frame, view, corners, hidden=False)) <= limit
            for view, limit in limits.items()
        ):
            return _placed(frame, corners, index)
        scale *= 0.97
    return Placed(side, ())


def _widest_side(box: Float64) -> Float64:
    """(4, 3) the vertical side that fills most of the LiDAR's view.

    Top left, top right, bottom right, bottom left.
    """
    corner = box_corners(box[None])[0]
    sides = [
        np.stack([corner[4 + left], corner[4 + right], corner[right], corner[left]])
        for right, left in SIDES
    ]

    def filled(side: Float64) -> float:
        outward = np.cross(side[3] - side[0], side[1] - side[0])
        middle = side.mean(axis=0)
        return float(-(middle @ outward) / np.linalg.norm(middle) ** 3)

    return max(sides, key=filled)
