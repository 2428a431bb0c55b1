"""From annotation rows to boxes in the LiDAR frame."""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from calico.data.nuscenes.categories import find_label
from calico.data.nuscenes.tables import Row, Tables
from calico.data.nuscenes.values import read_count, read_numbers, read_pose, read_size
from calico.errors import CalicoError
from calico.frame import Boxes, Float64
from calico.geometry.frames import (
    from_quaternion,
    from_yaw,
    invert_transform,
    transform_points,
    wrap_angle,
    yaw_of,
)
from calico.taxonomy import NUSCENES, Taxonomy

MAX_VELOCITY_GAP_S = 1.5


class BoxReader:
    """Makes the boxes of keyframes.

    Args:
        tables: The data set's.
        taxonomy: Classes and attributes of the boxes; objects of no class get none.

    Raises:
        CalicoError: One object is annotated twice in a keyframe.
    """

    def __init__(self, tables: Tables, taxonomy: Taxonomy) -> None:
        self.tables, self.taxonomy = tables, taxonomy
        self._table = tables.path("sample_annotation")
        self._of_sample: dict[str, dict[str, Row]] = defaultdict(dict)
        for row in tables.rows("sample_annotation").values():
            other = self._of_sample[row["sample_token"]].setdefault(row["instance_token"], row)
            if other is not row:
                raise CalicoError(
                    f"{self._table}: rows '{other['token']}' and '{row['token']}' are the same "
                    "object (instance "
                    f"'{row['instance_token']}') in sample '{row['sample_token']}', expected one "
                    "row of it"
                )

    def read(self, sample_token: str, global_T_lidar: Float64) -> Boxes:
        """Read the annotations of the detection task in a keyframe.

        Heading and velocity are level in the global frame and are turned by the LiDAR's heading
        there, so that the official metrics, which look at the global frame, come out of the boxes
        also where the LiDAR is tilted. Centres keep the tilt.

        Args:
            sample_token: The keyframe.
            global_T_lidar: (4, 4) at the keyframe's sweep.

        Raises:
            CalicoError: A value is not possible, or rows contradict each other.
        """
        boxes, labels, attributes, counts, instances = [], [], [], [], []
        lidar_T_global, turn = (
            invert_transform(global_T_lidar),
            from_yaw(-yaw_of(global_T_lidar))[:2, :2],
        )
        for row in self._of_sample.get(sample_token, {}).values():
            width, length, height = read_size(self._table, row)
            pose, count = read_pose(self._table, row), read_count(self._table, row)
            velocity, attribute = turn @ self._velocity(row), self._attribute(row)
            label = self._label(row)
            if label is None:
                continue
            center = transform_points(lidar_T_global, np.array([pose[:3]]))[0]
            yaw = yaw_of(from_quaternion(pose[3:])) - yaw_of(global_T_lidar)
            boxes.append([*center, length, width, height, yaw, *velocity])
            labels.append(label)
            attributes.append(attribute)
            counts.append(count)
            instances.append(row["instance_token"])
        table = np.array(boxes, np.float64).reshape(-1, 9)
        table[:, 6] = wrap_angle(table[:, 6])
        return Boxes(
            boxes=table.astype(np.float32),
            labels=np.array(labels, np.int64),
            attributes=np.array(attributes, np.int64),
            num_points=np.array(counts, np.int64),
            instances=tuple(instances),
        )

    def _label(self, row: Row) -> int | None:
        instance = self.tables.get(
            "instance", row["instance_token"], f"sample_annotation {row['token']}"
        )
        category = self.tables.get(
            "category", instance["category_token"], f"instance {instance['token']}"
        )
        return find_label(
            category["name"], self.tables.path("category"), category["token"], self.taxonomy
        )

    def _attribute(self, row: Row) -> int:
        tokens = row["attribute_tokens"]
        if not tokens:
            return -1
        name = self.tables.get("attribute", tokens[0], f"sample_annotation {row['token']}")["name"]
        known = tuple(dict.fromkeys((*NUSCENES.attributes, *self.taxonomy.attributes)))
        if len(tokens) > 1 or name not in known:
            raise CalicoError(
                f"{self._table}: row '{row['token']}' has {len(tokens)} attributes (first "
                f"'{name}'), "
                f"expected at most one of {', '.join(known)}"
            )
        return self.taxonomy.attribute_of(name)

    def _velocity(self, row: Row) -> Float64:
        """Compute the velocity (2,) [m/s, global] over the annotations before and after.

        It is NaN without a neighbour within 1.5 s (3 s for both).
        """
        ends = [self._neighbour(row, "prev", "next"), row, self._neighbour(row, "next", "prev")]
        there = [end for end in ends if end is not None]
        times = [self._time_us(end) for end in there]
        for earlier, later, gap_us in zip(there, there[1:], np.diff(times).tolist(), strict=False):
            if gap_us <= 0:
                raise CalicoError(
                    f"{self._table}: row '{earlier['token']}' comes before row '{later['token']}' "
                    "by prev and next, but "
                    f"its sample is {-gap_us} us later or the same; expected rising times"
                )
        seconds = (times[-1] - times[0]) * 1e-6
        if not 0 < seconds <= MAX_VELOCITY_GAP_S * (len(there) - 1):
            return np.full(2, np.nan)
        first, last = (
            read_numbers(self._table, end, "translation", 3)[:2] for end in (there[0], there[-1])
        )
        velocity: Float64 = np.subtract(last, first) / seconds
        return velocity

    def _neighbour(self, row: Row, direction: str, back: str) -> Row | None:
        """The annotation before or after, which must be of the same object and refer back."""
        if not row[direction]:
            return None
        found = self.tables.get(
            "sample_annotation", row[direction], f"sample_annotation {row['token']} ({direction})"
        )
        faults = {
            "is the row itself": found is row,
            f"is of another object (instance '{found['instance_token']}')": found["instance_token"]
            != row["instance_token"],
            f"has '{found[back]}' as {back}": found[back] != row["token"],
        }
        for fault, holds in faults.items():
            if holds:
                raise CalicoError(
                    f"{self._table}: {direction} of row '{row['token']}' is '{found['token']}', "
                    f"which {fault}; expected an "
                    f"annotation of the same object whose {back} is this row"
                )
        return found

    def _time_us(self, row: Row) -> int:
        sample = self.tables.get("sample", row["sample_token"], f"sample_annotation {row['token']}")
        return int(sample["timestamp"])
