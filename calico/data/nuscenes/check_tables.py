"""The check of what the tables say about each other, over all rows.

Rows that no frame of a split uses are checked, too.
"""

from __future__ import annotations

from calico.data.nuscenes.categories import find_label
from calico.data.nuscenes.tables import Tables
from calico.data.report import DataReport
from calico.taxonomy import Taxonomy

REFERENCES = {
    "scene": {"log_token": "log"},
    "sample": {"scene_token": "scene"},
    "sample_data": {
        "sample_token": "sample",
        "ego_pose_token": "ego_pose",
        "calibrated_sensor_token": "calibrated_sensor",
    },
    "calibrated_sensor": {"sensor_token": "sensor"},
    "instance": {"category_token": "category"},
    "sample_annotation": {"sample_token": "sample", "instance_token": "instance"},
}
"""Table to the fields that refer to a row, and its table."""


def check_tables(tables: Tables, report: DataReport, taxonomy: Taxonomy) -> None:
    """Look for references to rows that are not there, unknown categories and scenes out of order.

    Args:
        tables: The data set's.
        report: Gets what is found.
        taxonomy: The classes that the categories belong to.
    """
    for table, fields in REFERENCES.items():
        for field, target in fields.items():
            known = tables.rows(target)
            lost = [token for token, row in tables.rows(table).items() if row[field] not in known]
            if lost:
                report.add_problem(
                    f"{tables.path(table)}: {len(lost)} rows (first: token '{lost[0]}') have a "
                    f"{field} that "
                    f"{target}.json does not have ('{tables.rows(table)[lost[0]][field]}')"
                )
    _check_categories(tables, report, taxonomy)
    _check_order(tables, report)


def _check_categories(tables: Tables, report: DataReport, taxonomy: Taxonomy) -> None:
    objects: dict[str, int] = {}
    for row in tables.rows("sample_annotation").values():
        instance = tables.rows("instance").get(row["instance_token"])
        if instance is not None:
            objects[instance["category_token"]] = objects.get(instance["category_token"], 0) + 1
    left_out = []
    for token, row in tables.rows("category").items():
        if token in objects:
            with report.collect():
                where = tables.path("category")
                if find_label(row["name"], where, token, taxonomy) is None:
                    left_out.append(f"{row['name']} {objects[token]}")
    if left_out:
        report.facts.append(("no class of the task", ", ".join(sorted(left_out))))


def _check_order(tables: Tables, report: DataReport) -> None:
    """Check that `next` of a sample leads forward in the same scene and that `prev` leads back.

    Frames are ordered by time and do not depend on it.
    """
    samples = tables.rows("sample")
    faults: list[str] = []
    for token, row in samples.items():
        following = row.get("next", "")
        if not following:
            continue
        other = samples.get(following) if isinstance(following, str) else None
        fault = ""
        if other is None:
            fault = "is not in the table"
        elif other["scene_token"] != row["scene_token"]:
            fault = "is of another scene"
        elif other["timestamp"] <= row["timestamp"]:
            fault = "is not later"
        elif other.get("prev", token) != token:
            fault = f"has '{other['prev']}' as prev"
        if fault:
            faults.append(f"next of row '{token}' is '{following}', which {fault}")
    if faults:
        others = f" (and {len(faults) - 1} others)" if len(faults) > 1 else ""
        report.notes.append(
            f"{tables.path('sample')}: {faults[0]}{others}; frames are ordered by time here, other "
            "readers follow next"
        )
