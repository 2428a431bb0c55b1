"""Users' models by name: where they are looked up, their identity, and factories that are none."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from calico.errors import CalicoError
from calico_eval.engines.load_user import load_user_engine, wrap_user_model
from calico_eval.engines.open import open_engine


def write_module(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, body: str) -> str:
    """A module of the user's in the working folder."""
    (folder / f"{name}.py").write_text(body)
    monkeypatch.chdir(folder)
    return name


def test_loads_by_name_from_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = (
        "class M:\n  sensors = ('lidar',)\n  def predict(self, frames): return []\ndef build(): "
        "return M()\n"
    )
    write_module(tmp_path, monkeypatch, "model_by_name", body)
    engine = load_user_engine("model_by_name:build")
    assert (engine.name, engine.model_name, engine.sensors) == ("user", "model_by_name", ("lidar",))
    assert len(engine.sha256) == 64
    assert open_engine("fast=model_by_name:build").model_name == "fast"


def test_a_model_that_names_its_weights_has_their_identity_and_that_of_its_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = (
        "class M:\n  sha256 = {}\n  def predict(self, frames): return []\ndef build(): return M()\n"
    )
    write_module(tmp_path, monkeypatch, "model_names_none", body.format(None))
    write_module(
        tmp_path,
        monkeypatch,
        "model_names_its",
        "import os\n" + body.format("os.environ['MODEL_WEIGHTS']"),
    )
    assert not load_user_engine("model_names_none:build").weights_named
    found = []
    for weights in ("first", "second", "first"):
        monkeypatch.setenv("MODEL_WEIGHTS", weights)
        sys.modules.pop("model_names_its", None)
        engine = load_user_engine("model_names_its:build")
        assert engine.weights_named
        found.append(engine.sha256)
    assert found[0] == found[2] != found[1]


@pytest.mark.parametrize(
    ("body", "spec", "message"),
    [
        ("", "u0:", "expected package.module:factory"),
        (
            "",
            "not_there_at_all:build",
            "there is no module not_there_at_all; it is looked up in the working folder",
        ),
        ("", "examples.not_there:build", r"there is no module examples\.not_there; "),
        (
            "import not_there_either",
            "u6:build",
            r"u6 raised ModuleNotFoundError: .*'not_there_either' at .*u6\.py:1 in",
        ),
        ("def build(:", "u7:build", r"u7 raised SyntaxError: .*\(u7\.py, line 1\)$"),
        ("1/0", "u1:build", "importing u1 raised ZeroDivisionError"),
        ("def make(): pass", "u2:build", "u2 has no callable 'build'; it has make"),
        (
            "def build(): raise OSError('no weights')",
            "u3:build",
            "the factory raised OSError: no weights",
        ),
        (
            "def build(): return 3",
            "u4:build",
            r"the factory returned int, which has no method predict\(frames\)",
        ),
        ("import sys; sys.exit(0)", "u8:build", "importing u8 raised SystemExit: 0 at .*u8\\.py:1"),
        ("raise KeyboardInterrupt", "u9:build", "importing u9 raised KeyboardInterrupt"),
        (
            "import sys\ndef build(): sys.exit(0)",
            "u10:build",
            "the factory raised SystemExit: 0 at .*u10\\.py:2 in build",
        ),
        (
            "class M:\n  predict = print\n  @property\n  def name(self): raise SystemExit\ndef "
            "build(): return M()",
            "u11:build",
            "reading its attributes raised SystemExit",
        ),
        (
            "class M:\n  predict = print\n  name = 'a\\nb'\ndef build(): return M()",
            "u12:build",
            "name is 'a b'; expected a text",
        ),
        (
            "class M:\n  predict = print\n  sha256 = 3\ndef build(): return M()",
            "u13:build",
            "sha256 is '3'; expected a text",
        ),
        (
            "class M:\n  predict = print\n  sensors = 5\ndef build(): return M()",
            "u14:build",
            "sensors is 5; expected a list",
        ),
        (
            "class M:\n  sensors=('radar',)\n  def predict(self, f): ...\ndef build(): return M()",
            "u5:build",
            "sensors is",
        ),
    ],
)
def test_wrong_factories(
    body: str, spec: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if body:
        write_module(tmp_path, monkeypatch, spec.split(":")[0], body)
    with pytest.raises(CalicoError, match=message):
        load_user_engine(spec)


def test_a_class_is_no_model_and_neither_is_an_object_of_no_module() -> None:
    class Mine:
        def predict(self, frames: Any) -> Any: ...

    with pytest.raises(CalicoError, match="the model is the class Mine itself"):
        wrap_user_model(Mine)
    Mine.__module__ = "no_such_module"
    with pytest.raises(CalicoError, match="'no_such_module', which is not imported"):
        wrap_user_model(Mine())
