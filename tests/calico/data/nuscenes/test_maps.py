"""The map expansion."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from calico.data.nuscenes import NuScenesSource
from calico.errors import CalicoError
from calico.frame import Frame
from calico.geometry.frames import transform_points
from calico.geometry.grid import Grid
from calico.taxonomy import NUSCENES

Edit = Callable[[str, Callable[[list[dict]], object]], None]


GRID = Grid(-32, 32, -32, 32, 0.5)


def complaint(root: Path, index: int = 0, **settings: object) -> str:
    """The message of loading a frame."""
    options = {"version": "v1.0-mini", "split": "train", "map_grid": GRID, **settings}
    with pytest.raises(CalicoError) as error:
        _ = NuScenesSource(root, **options)[index]  # type: ignore[arg-type]
    return str(error.value)


def test_some_maps_missing(tiny: Path, edit: Edit) -> None:
    edit("log", lambda rows: rows.append({"token": "log-1", "location": "singapore-queenstown"}))
    edit("scene", lambda rows: rows[1].update(log_token="log-1"))
    message = complaint(tiny, split="all")
    assert message.startswith(
        f"{tiny}/maps/expansion/singapore-queenstown.json: missing, while 1 of 2 maps"
    )


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('"p"]', '"q"]', "refers to 'q', which the map does not have"),
        (
            '"node_tokens": ["8", "9"]',
            '"node_tokens": ["8", "99"]',
            "refers to '99', which the map does not have",
        ),
        ('"x": 980', '"x": "west"', "not a nuScenes map expansion"),
        ('"x": 980', '"x": [980]', "not a nuScenes map expansion"),
        (
            '"x": 980',
            '"x": NaN',
            "holds NaN; an undefined number is written as null with a reason, line 1",
        ),
        ('"x": 980', '"x": 1e400', "number 1e400 is larger than any float64, line 1"),
        ('"x": 980', '"x": 1' + "0" * 330, "not a nuScenes map expansion (the node '0' has x "),
        (
            '"x": 980',
            '"x": "980"',
            "not a nuScenes map expansion (the node '0' has x '980', expected metres)",
        ),
        (
            '"token": "1"',
            '"token": "0"',
            "not a nuScenes map expansion (the node '0' is there twice, and differs)",
        ),
        ('"walkway": [', '"walkway": [[', "no valid JSON, line 1 column "),
        ('"walkway": []', '"walkway": [[1]]', "not a nuScenes map expansion"),
        ('"walkway": []', '"walkway": 3', "not a nuScenes map expansion"),
        ('"walkway": []', '"walkway": [{"polygon_token": {}}]', "not a nuScenes map expansion"),
        (
            '"walkway": []',
            '"walkway": [], "walkway": []',
            'key "walkway" appears twice in one object, line 1',
        ),
    ],
)
def test_damaged_map(tiny: Path, old: str, new: str, expected: str) -> None:
    path = tiny / "maps" / "expansion" / "boston-seaport.json"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    assert complaint(tiny).removeprefix("map ").startswith(f"{path}: {expected}")


def load(root: Path, index: int = 0, sweeps: int = 1, split: str = "train") -> Frame:
    return NuScenesSource(root, "v1.0-mini", split, GRID, sweeps=sweeps)[index]


def test_map_masks_lie_where_the_map_says(tiny: Path) -> None:
    frame = load(tiny)
    assert frame.map_masks is not None
    centers = np.concatenate(
        [GRID.cell_centers().reshape(-1, 2), np.zeros((np.prod(GRID.shape), 1))], axis=1
    )
    x, y, _ = transform_points(frame.global_T_lidar, centers).T
    inside = (
        (abs(x - 1000) < 20)
        & (abs(y - 500) < 20)
        & ~((x > 1004) & (x < 1008) & (y > 500) & (y < 506))
    )
    line = (abs(y - 500) <= 0.5) & (abs(x - 1000) < 20)
    drivable, divider = (
        frame.map_masks[0].ravel(),
        frame.map_masks[NUSCENES.map_names.index("divider")].ravel(),
    )
    # The vehicle is tilted by half a degree and the LiDAR by 1.5: cells at an edge may differ.
    assert (drivable != inside).mean() < 0.004
    assert (divider != line).mean() < 0.004
    assert drivable.sum() > 4000
    assert not frame.map_masks[1:5].any()


def test_without_the_map_expansion_there_is_no_map(tiny: Path) -> None:
    (tiny / "maps" / "expansion" / "boston-seaport.json").unlink()
    source = NuScenesSource(tiny, "v1.0-mini", "train", GRID)
    assert source.map_grid is None
    assert source[0].map_masks is None
