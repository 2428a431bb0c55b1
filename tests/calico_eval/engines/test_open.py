"""Opening an engine: what is said of a name that is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from calico.errors import CalicoError
from calico_eval.engines.open import open_engine


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("missing.pt", "'missing.pt' does not exist; expected a .onnx file"),
        ("file.txt", "'file.txt' is a file of another kind"),
    ],
)
def test_open_engine_says_what_it_expects(
    spec: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file.txt").write_text("")
    with pytest.raises(CalicoError, match=message):
        open_engine(spec)
