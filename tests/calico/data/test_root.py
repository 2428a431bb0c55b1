"""The folder of a data set."""

from __future__ import annotations

from pathlib import Path

import pytest

from calico.config.data import DataConfig
from calico.config.schema import Config
from calico.data.check import check_data
from calico.data.open import open_source
from calico.errors import CalicoError
from tests.calico.data.nuscenes.loading import config


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (
            {"root": None},
            "data.root: not set; data.source 'nuscenes' needs the folder of the data set: "
            "--data-root",
        ),
        (
            {"root": "/nowhere"},
            "data.root: '/nowhere' is not a folder; expected the folder of the data set",
        ),
    ],
)
def test_no_root(settings: dict[str, object], expected: str) -> None:
    bad = Config(data=DataConfig(source="nuscenes", **settings))  # type: ignore[arg-type]
    assert check_data(bad).problems == [expected]
    with pytest.raises(CalicoError, match="the folder of the data set"):
        open_source(bad, "train")


def test_the_folder_of_the_tables_is_not_the_root(tiny: Path) -> None:
    (problem,) = check_data(config(tiny / "v1.0-mini")).problems
    assert problem == (
        f"data.root: '{tiny}/v1.0-mini' is the folder of the tables; expected the one above it, "
        "which holds v1.0-mini/ and "
        f"samples/: --data-root {tiny} --set data.version=v1.0-mini"
    )
