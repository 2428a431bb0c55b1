"""Columns of other types than the schema's: cast without a guess, or refused by name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from calico.data.waymo.v2.casts import SmallTable
from calico.data.waymo.v2.schema import COMPONENTS
from calico.errors import CalicoError

Table = dict[str, Any]


def small(tag: str, **columns: Any) -> SmallTable:
    """A table of some columns, by what follows the last dot of their paths."""
    found = {}
    for name, values in columns.items():
        path = name.replace("__", ".")
        array = values if isinstance(values, pa.Array) else pa.array(values)
        found[COMPONENTS[tag].column(path).name] = array
    return SmallTable(pa.table(found), COMPONENTS[tag], "file f")


@pytest.mark.parametrize(
    "array",
    [
        pa.array([1.5, 2.0], pa.float32()),
        pa.array([1.5, 2.0], pa.float64()),
        pa.array([1.5, 2.0], pa.float16()),
    ],
)
def test_floats_of_any_width(array: pa.Array) -> None:
    found = small("lidar_box", box__heading=array).read_floats("box.heading")
    assert (found.dtype, found.tolist()) == (np.float64, [1.5, 2.0])


def test_integers_are_numbers_too() -> None:
    assert small("lidar_box", box__heading=[1, 2]).read_floats("box.heading").tolist() == [1, 2]


@pytest.mark.parametrize(
    "values", [["1.5"], [b"1"], [True], [[1.0]], [{"a": 1}]], ids=lambda v: type(v[0]).__name__
)
def test_what_is_no_number_is_refused(values: Any) -> None:
    table = small("lidar_box", box__heading=values, num_lidar_points_in_box=values)
    with pytest.raises(CalicoError, match=r"file f: column .*box.heading holds"):
        table.read_floats("box.heading")
    with pytest.raises(CalicoError, match=r"num_lidar_points_in_box holds .*, which is no int64"):
        table.read_integers("num_lidar_points_in_box")


def test_null_is_nan_or_the_missing_number_in_optional_columns_only() -> None:
    table = small(
        "lidar_box",
        speed__x=pa.array([None, 1.0]),
        num_lidar_points_in_box=pa.array([None, 3]),
        box__heading=pa.array([0.0, None]),
    )
    np.testing.assert_array_equal(table.read_floats("speed.x"), [np.nan, 1])
    assert table.read_integers("num_lidar_points_in_box", missing=-1).tolist() == [-1, 3]
    with pytest.raises(CalicoError, match=r"box.heading holds null in row 1"):
        table.read_floats("box.heading")


def test_absent_columns_are_null_if_they_are_optional() -> None:
    table = small("lidar_box", box__heading=[0.0, 1.0])
    assert np.isnan(table.read_floats("speed.x")).all()
    assert table.read_integers("difficulty_level.tracking").tolist() == [0, 0]
    with pytest.raises(CalicoError, match=r"lacks the column \[LiDARBoxComponent\].type"):
        table.read_integers("type")


@pytest.mark.parametrize(
    "values",
    [
        ["TYPE_VEHICLE", "TYPE_CYCLIST"],
        ["VEHICLE", "cyclist"],
        [1, 4],
        [1.0, 4.0],
        pa.array(["VEHICLE", "CYCLIST"]).dictionary_encode(),
        pa.array(["VEHICLE", "CYCLIST"], pa.large_string()),
        pa.array([1, 4], pa.uint64()),
    ],
)
def test_names_and_numbers_of_an_enum(values: Any) -> None:
    assert small("lidar_box", type=values).read_integers("type").tolist() == [1, 4]


@pytest.mark.parametrize("values", [["TRUCK"], [""], [5], [-1], [300], [1.5], [float("nan")]])
def test_what_is_not_of_the_enum_is_refused(values: Any) -> None:
    with pytest.raises(CalicoError, match=r"column \[LiDARBoxComponent\].type holds"):
        small("lidar_box", type=values).read_integers("type")


def test_matrices_in_lists_of_any_kind() -> None:
    rows = np.arange(32.0).reshape(2, 16)
    for kind in (pa.list_(pa.float32(), 16), pa.list_(pa.float64()), pa.large_list(pa.float32())):
        array = pa.array(rows.tolist(), kind)
        table = small("vehicle_pose", world_from_vehicle__transform=array)
        found = table.read_matrices("world_from_vehicle.transform")
        np.testing.assert_array_equal(found, rows.reshape(2, 4, 4))
        assert found.dtype == np.float64


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ([1.0] * 15, "a list of 15 numbers, expected 16"),
        ([], "a list of 0 numbers, expected 16"),
        ([1.0] * 15 + [None], "a list with a null in it"),
        ([1.0] * 15 + [float("nan")], "not finite"),
        ([1.0] * 15 + [float("inf")], "not finite"),
        (["1"] * 16, "which is no fixed_size_list"),
        (None, "null in row 1"),
        (1.0, "which is no fixed_size_list"),
    ],
)
def test_what_is_no_matrix_is_refused(row: Any, said: str) -> None:
    good = ["1"] * 16 if row == ["1"] * 16 else 1.0 if row == 1.0 else [1.0] * 16
    table = small("vehicle_pose", world_from_vehicle__transform=pa.array([good, row]))
    with pytest.raises(CalicoError, match=said):
        table.read_matrices("world_from_vehicle.transform")


def test_shapes() -> None:
    array = pa.array([[64, 2650, 4], None], pa.list_(pa.int32(), 3))
    table = small("lidar", range_image_return1__shape=array)
    found = table.read_shapes("range_image_return1.shape")
    assert found.tolist() == [[64, 2650, 4], [-1, -1, -1]]


@pytest.mark.parametrize(
    "shape",
    [
        [0, 5, 4], [5, 0, 4], [5, 5, 0], [-1, 5, 4], [5, 5, 9], [1 << 20, 2, 4],
        [2**31 - 1, 2**31 - 1, 4], [1 << 62, 4, 4], [5, 5], [5, 5, 4, 1], [5, 5, None],
        [2.5, 1.0, 4.0],
    ],
)  # fmt: skip
def test_hostile_shapes_are_refused(shape: Any) -> None:
    table = small("lidar", range_image_return1__shape=pa.array([shape]))
    with pytest.raises(CalicoError, match=r"range_image_return1.shape holds"):
        table.read_shapes("range_image_return1.shape")


def test_lists() -> None:
    array = pa.array([[0.5, 1.5], None, []], pa.list_(pa.float32()))
    found = small("lidar_calibration", beam_inclination__values=array).read_lists(
        "beam_inclination.values"
    )
    assert [None if row is None else row.tolist() for row in found] == [[0.5, 1.5], None, None]


@pytest.mark.parametrize("values", [[[None]], [["a"]], [1.0], ["a"]])
def test_what_is_no_list_of_numbers_is_refused(values: Any) -> None:
    table = small("lidar_calibration", beam_inclination__values=values)
    with pytest.raises(CalicoError, match=r"beam_inclination.values holds"):
        table.read_lists("beam_inclination.values")


def test_texts() -> None:
    for array in (
        pa.array(["a", None, "a"]),
        pa.array(["a", None, "a"], pa.large_string()),
        pa.array(["a", None, "a"]).dictionary_encode(),
    ):
        assert small("stats", weather=array).read_texts("weather").to_pylist() == ["a", None, "a"]
    assert small("stats", weather=["a"]).read_texts("location").to_pylist() == [None]
    with pytest.raises(CalicoError, match="weather holds int64, which is no string"):
        small("stats", weather=[1]).read_texts("weather")


def test_rows_of_another_segment_are_refused() -> None:
    table = SmallTable(
        pa.table({"key.segment_context_name": ["a", "b"]}), COMPONENTS["stats"], "file f"
    )
    with pytest.raises(CalicoError, match="file f: holds rows of the segment 'b', expected a"):
        table.check_segment("a")
