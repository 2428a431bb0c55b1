"""The v1.0 tables: JSON lists of rows that refer to each other by token.

The error about a broken reference names file and token.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from calico.data.nuscenes.paths import check_plain_name
from calico.errors import CalicoError
from calico.files import parse_json, read_bytes
from calico.files.regular import decode_text

Row = dict[str, Any]

MAX_TABLE_BYTES = 4 << 30
"""The largest official table, sample_data of v1.0-trainval, has 1.1 GB."""
FIELDS: dict[str, dict[str, type]] = {
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
OPTIONAL_FIELDS: dict[str, dict[str, type]] = {
    "map": {"token": str, "filename": str},
    "visibility": {"token": str},
}
"""Tables of nuScenes v1.0 that frames do not need and copies keep."""
NAMES = {"scene": "name", "sensor": "channel", "category": "name", "attribute": "name"}
"""Fields that name a thing, which no two rows of the table may share."""


class Tables:
    """The tables of one version folder, each read when it is first asked for."""

    def __init__(self, root: Path, version: str) -> None:
        """Raises CalicoError when the folder is missing, naming the versions that are there."""
        check_plain_name(version, "data.version")
        self.folder = root / version
        self.digests: dict[str, str] = {}
        """Table to the SHA-256 of the bytes that were read."""
        self._by_token: dict[str, dict[str, Row]] = {}
        if not self.folder.is_dir():
            there = sorted(path.name for path in root.glob("v1.0-*")) if root.is_dir() else []
            found = f"found {', '.join(there)}" if there else "found no folder v1.0-* there"
            raise CalicoError(
                f"{self.folder}: no such folder of nuScenes tables; {found}. Set data.root, "
                "data.version."
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
        """Return one row.

        Args:
            table: Name of the table.
            token: Token of the row.
            referrer: What refers to the row, for the message.
        """
        if not isinstance(token, str):
            raise CalicoError(
                f"{self.path(table)}: {referrer} refers to {token!r}, expected a token (text)"
            )
        row = self.rows(table).get(token)
        if row is None:
            shown = f"'{token}'" if token.isprintable() else ascii(token)[:80]
            raise CalicoError(
                f"{self.path(table)}: has no row with token {shown}, to which {referrer} refers"
            )
        return row

    def _read(self, table: str) -> dict[str, Row]:
        path = self.path(table)
        if not path.exists():
            raise CalicoError(
                f"{path}: missing; the tables need {', '.join(f'{name}.json' for name in FIELDS)}"
            )
        content = read_bytes(path, MAX_TABLE_BYTES, "table")
        self.digests[table] = hashlib.sha256(content).hexdigest()
        text = decode_text(content, f"table {path}")
        del content  # a table may have 1 GB
        rows = parse_rows(text, f"table {path}")
        if not isinstance(rows, list):
            raise CalicoError(f"{path}: got {type(rows).__name__}, expected a list of rows")
        for number, row in enumerate(rows):
            self._check(table, number, row)
        self._check_unique(table, rows, "token")
        if table in NAMES:
            self._check_unique(table, rows, NAMES[table])
        return {row["token"]: row for row in rows}

    def _check(self, table: str, number: int, row: object) -> None:
        if not isinstance(row, dict):
            raise CalicoError(
                f"{self.path(table)}: row {number} is {type(row).__name__}, expected an object"
            )
        for field, kind in (FIELDS | OPTIONAL_FIELDS)[table].items():
            value = row.get(field)
            if type(value) is not kind:  # true is no number
                got = f"{type(row[field]).__name__}" if field in row else "nothing"
                raise CalicoError(
                    f"{self.path(table)}: row {number} (token '{row.get('token', '')}') has {got} "
                    f"in '{field}', expected "
                    f"{kind.__name__}"
                )
            if isinstance(value, str) and field != "location" and not value.isprintable():
                raise CalicoError(
                    f"{self.path(table)}: row {number} has {ascii(value)[:80]} in '{field}', "
                    "expected a text in one line "
                    "without control characters"
                )
        if not row["token"] and table in FIELDS:
            raise CalicoError(
                f"{self.path(table)}: row {number} has an empty token, expected one of its own"
            )

    def _check_unique(self, table: str, rows: list[Row], field: str) -> None:
        """Check that no two rows have the same value in a field that tells them apart."""
        if len({row[field] for row in rows}) == len(rows):
            return
        first: dict[str, int] = {}
        for number, row in enumerate(rows):
            if row[field] in first:
                raise CalicoError(
                    f"{self.path(table)}: rows {first[row[field]]} and {number} have the same "
                    f"{field} '{row[field]}', "
                    f"expected every {field} once; of tables that were merged, rename the rows of "
                    "one"
                )
            first[row[field]] = number


def parse_rows(text: str, where: str) -> Any:
    """Parse a table as `calico.files.parse_json` does, in about half of its time.

    The strict parser calls Python for every object and number. So the plain one goes first. Its
    result stands if the text holds nothing that the two would treat differently: as many keys as
    colons after a quote and none after a blank (so none repeats), and no escape. It lets numbers
    pass that are larger than any float64, because values that are used are checked to be finite.

    Args:
        text: Content of the table.
        where: Its name, for the message.
    """
    escapes = "\0" in text or ("\\" in text and "\\u" in text)
    if not escapes and not any(f"{blank}:" in text for blank in " \t\n\r"):
        try:
            rows = json.loads(text, parse_constant=_refuse)
        except (ValueError, RecursionError):
            return parse_json(text, where)  # it names line and reason
        if isinstance(rows, list) and text.count('":') == sum(
            len(row) for row in rows if isinstance(row, dict)
        ):
            return rows
    return parse_json(text, where)


def _refuse(name: str) -> None:
    raise ValueError(name)
