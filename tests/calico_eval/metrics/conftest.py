from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from calico.frame import Boxes, Frame
from calico.geometry.frames import from_quaternion
from calico.predictions import Predictions

Pair = tuple[Frame, Predictions]


def _frame(
    token: str, truth: Boxes, *, scene: str = "scene", rng: np.random.Generator | None = None
) -> Frame:
    """A frame without sensor data; with rng, the ego pose is anywhere and the LiDAR is turned,
    lifted and tilted on it."""
    ego_T_lidar, global_T_ego = np.eye(4), np.eye(4)
    if rng is not None:
        ego_T_lidar = from_quaternion([1, *rng.normal(0, 0.02, 2), 0.01], [0.9, 0.1, 1.8])
        global_T_ego = from_quaternion(
            [1, *rng.normal(0, 0.02, 2), rng.normal()], [*rng.uniform(0, 1500, 2), 3.0]
        )
    none = np.zeros(0, np.int16)
    return Frame(
        token=token,
        scene=scene,
        timestamp_s=0.0,
        points=np.zeros((0, 5), np.float32),
        ring=none,
        sweep_index=none,
        sweep_T=np.eye(4)[None],
        images=(),
        camera_K=np.zeros((0, 3, 3)),
        camera_T_lidar=np.zeros((0, 4, 4)),
        camera_time_s=np.zeros(0),
        ego_T_lidar=ego_T_lidar,
        global_T_lidar=global_T_ego @ ego_T_lidar,
        boxes=truth,
    )


def _random_pair(
    rng: np.random.Generator,
    token: str,
    *,
    objects: int = 25,
    guesses: int = 60,
    tilted: bool = False,
    classes: int = 10,
    scene: str = "scene",
    ladder: int | None = 20,
) -> Pair:
    """Objects around the ego, predictions scattered about them or free; scores on a ladder of so
    many steps, to have ties."""
    boxes = np.zeros((objects, 9), np.float32)
    boxes[:, :2] = rng.uniform(-55, 55, (objects, 2))
    boxes[:, 2] = rng.uniform(-1, 1, objects)
    boxes[:, 3:6] = rng.uniform(0.3, 5, (objects, 3))
    boxes[:, 6] = rng.uniform(-np.pi, np.pi, objects)
    boxes[:, 7:9] = rng.normal(0, 3, (objects, 2))
    boxes[rng.random(objects) < 0.3, 7:9] = np.nan
    labels = rng.integers(0, classes, objects)
    truth = Boxes(boxes, labels, rng.integers(-1, 8, objects), rng.integers(0, 4, objects))

    source = rng.integers(0, objects, guesses) if objects else np.zeros(0, np.int64)
    found = np.nan_to_num(boxes[source])
    found[:, :2] += rng.normal(0, 1.2, (len(source), 2))
    found[:, 3:6] *= rng.uniform(0.7, 1.4, (len(source), 3))
    found[:, 6] += rng.normal(0, 1, len(source))
    free = rng.random(len(source)) < 0.3
    found[free, :2] = rng.uniform(-55, 55, (int(free.sum()), 2))
    steps = (
        rng.random(len(source))
        if ladder is None
        else rng.integers(0, ladder + 1, len(source)) / ladder
    )
    guess = Predictions(
        boxes=found.astype(np.float32),
        scores=steps.astype(np.float32),
        labels=np.where(
            rng.random(len(source)) < 0.1, rng.integers(0, classes, len(source)), labels[source]
        ),
        attributes=rng.integers(-1, 8, len(source)),
    )
    return _frame(token, truth, scene=scene, rng=rng if tilted else None), guess


def _with_maps(rng: np.random.Generator, pair: Pair, *, classes: int = 6) -> Pair:
    """The pair with map masks and probabilities; classes beyond the first so many are nowhere."""
    masks = rng.random((6, 9, 11)) < 0.4
    masks[classes:] = False
    probs = (0.3 * masks + 0.7 * rng.random(masks.shape)).astype(np.float32)
    frame, guess = pair
    return (
        frame.replace(map_masks=masks),
        Predictions(guess.boxes, guess.scores, guess.labels, probs, guess.attributes),
    )


@pytest.fixture
def make_frame() -> Callable[..., Frame]:
    return _frame


@pytest.fixture
def random_pair() -> Callable[..., Pair]:
    return _random_pair


@pytest.fixture
def with_maps() -> Callable[..., Pair]:
    return _with_maps
