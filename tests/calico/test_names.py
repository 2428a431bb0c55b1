from pathlib import Path

import pytest

from calico.names import split_name


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("mine=runs/a", ("mine", "runs/a")),
        ("mine=runs/lr=0.1/a.onnx", ("mine", "runs/lr=0.1/a.onnx")),
        ("runs/lr=0.1/a.onnx", (None, "runs/lr=0.1/a.onnx")),
        ("a.b:c=d", (None, "a.b:c=d")),
        ("=x", (None, "=x")),
        ("x=", (None, "x=")),
    ],
)
def test_a_name_comes_before_the_first_equals_sign(
    spec: str, expected: tuple[str | None, str]
) -> None:
    assert split_name(spec) == expected


def test_a_path_that_exists_is_no_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lr=0.1").mkdir()
    assert split_name("lr=0.1") == (None, "lr=0.1")
    assert split_name("lr=0.2") == ("lr", "0.2")
    assert split_name("best=lr=0.1") == ("best", "lr=0.1")
