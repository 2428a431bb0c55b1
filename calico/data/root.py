"""The folder of a data set."""

from __future__ import annotations

from pathlib import Path

from calico.config.schema import Config
from calico.errors import CalicoError

UNFINISHED = "conversion-unfinished"
"""File in the folder of a data set while `calico data convert` writes it."""


def check_finished(root: Path) -> None:
    """Check that the conversion that wrote a data set came to its end.

    Raises:
        CalicoError: It did not.
    """
    if (root / UNFINISHED).exists():
        raise CalicoError(
            f"data '{root}': the conversion that writes this folder has not come to its end (there "
            f"is {UNFINISHED}), so that frames are missing; run it again with --overwrite"
        )


def find_data_root(config: Config) -> Path:
    """Return the data set's folder.

    Raises:
        CalicoError: It is not set, is missing, not finished, or not the one that holds the tables'
            folder.
    """
    root = config.data.root
    if root is None:
        raise CalicoError(
            f"data.root: not set; data.source '{config.data.source}' needs the folder of the data "
            "set: --data-root"
        )
    if not root.is_dir():
        raise CalicoError(
            f"data.root: '{root}' is not a folder; expected the folder of the data set"
        )
    if not (root / config.data.version).is_dir() and (root / "sample_data.json").is_file():
        raise CalicoError(
            f"data.root: '{root}' is the folder of the tables; expected the one above it, which "
            f"holds {root.name}/ and "
            f"samples/: --data-root {root.parent} --set data.version={root.name}"
        )
    check_finished(root)
    return root
