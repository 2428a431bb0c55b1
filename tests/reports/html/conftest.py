from collections.abc import Callable
from pathlib import Path

import pytest

from reports.html import render_html
from reports.schema import Results


@pytest.fixture(scope="session")
def run_dir(
    tmp_path_factory: pytest.TempPathFactory,
    results: Results,
    draw: Callable[[Results, Path], None],
) -> Path:
    folder = tmp_path_factory.mktemp("run")
    draw(results, folder)
    return folder


@pytest.fixture(scope="session")
def html(results: Results, run_dir: Path, baseline: Results) -> str:
    return render_html(results, run_dir, baseline)
