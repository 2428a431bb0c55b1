"""The v1.0 tables: JSON lists of rows that refer to each other by token. Every broken reference names file and token."""

from __future__ import annotations

import json
from pathlib import Path, PurePosixPath
from typing import Any

from calico.errors import CalicoError

Row = dict[str, Any]

FIELDS: dict[str, dict[str, type | tuple[type, ...]]] = {
    "scene": {"token": str, "name": str, "log_token": str},
    "sample": {"token": str, "scene_token": str, "timestamp": int},
    "sample_data": {
        "token": str,
        "sample_token": str,
        "ego_pose_token": str,
        "calibrated_sensor_token": str,
        "timestamp": int,
        "is_key_frame": bool,
        "filename": str,
        "prev": str,
        "width": int,
        "height": int,
    },
    "calibrated_sensor": {
        "token": str,
        "sensor_token": str,
        "translation": list,
        "rotation": list,
        "camera_intrinsic": list,
    },
    "ego_pose": {"token": str, "translation": list, "rotation": list},
    "sensor": {"token": str, "channel": str},
    "log": {"token": str, "location": str},
    "category": {"token": str, "name": str},
    "attribute": {"token": str, "name": str},
    "instance": {"token": str, "category_token": str},
    "sample_annotation": {
        "token": str,
        "sample_token": str,
        "instance_token": str,
        "attribute_tokens": list,
        "translation": list,
        "size": list,
        "rotation": list,
        "prev": str,
        "next": str,
        "num_lidar_pts": int,
        "num_radar_pts": int,
    },
}
"""The tables that are read, and of each the fields that are used."""


class Tables:
    """The tables of one version folder, each read when it is first asked for."""

    def __init__(self, root: Path, version: str) -> None:
        """Raises CalicoError when the folder is missing, naming the versions that are there."""
        self.folder = root / version
        self._by_token: dict[str, dict[str, Row]] = {}
        if not self.folder.is_dir():
            there = sorted(path.name for path in root.glob("v1.0-*")) if root.is_dir() else []
            found = f"found {', '.join(there)}" if there else "found no folder v1.0-* there"
            raise CalicoError(
                f"{self.folder}: no such folder of nuScenes tables; {found}. Set data.root, data.version."
            )

    def path(self, table: str) -> Path:
        """File of a table."""
        return self.folder / f"{table}.json"

    def rows(self, table: str) -> dict[str, Row]:
        """All rows by token, in the file's order."""
        if table not in self._by_token:
            self._by_token[table] = self._read(table)
        return self._by_token[table]

    def get(self, table: str, token: str, referrer: str) -> Row:
        """One row; `referrer` says in the error message who asks for it."""
        row = self.rows(table).get(token)
        if row is None:
            raise CalicoError(f"{self.path(table)}: has no row with token '{token}', to which {referrer} refers")
        return row

    def _read(self, table: str) -> dict[str, Row]:
        path = self.path(table)
        if not path.is_file():
            raise CalicoError(f"{path}: missing; the tables need {', '.join(f'{name}.json' for name in FIELDS)}")
        try:
            with path.open(encoding="utf-8") as file:
                rows = json.load(file)
        except ValueError as error:
            raise CalicoError(f"{path}: not valid JSON ({error}); the file is damaged, fetch it again") from error
        if not isinstance(rows, list):
            raise CalicoError(f"{path}: got {type(rows).__name__}, expected a list of rows")
        for number, row in enumerate(rows):
            self._check(table, number, row)
        return {row["token"]: row for row in rows}

    def _check(self, table: str, number: int, row: object) -> None:
        if not isinstance(row, dict):
            raise CalicoError(f"{self.path(table)}: row {number} is {type(row).__name__}, expected an object")
        for field, kind in FIELDS[table].items():
            if not isinstance(row.get(field), kind):
                got = f"{type(row[field]).__name__}" if field in row else "nothing"
                raise CalicoError(
                    f"{self.path(table)}: row {number} (token '{row.get('token', '')}') has {got} in '{field}', expected "
                    f"{getattr(kind, '__name__', kind)}"
                )


def safe_path(root: Path, filename: str, table: Path, token: str) -> Path:
    """root / filename, where the name may not leave the root.

    Raises:
        CalicoError: the name is empty, absolute, or has '..'.
    """
    name = PurePosixPath(filename)
    if not filename or name.is_absolute() or ".." in name.parts or "\\" in filename or ":" in filename:
        raise CalicoError(
            f"{table}: row with token '{token}' has filename '{filename}', expected a path inside the data set's folder"
        )
    return root / name
