"""On the command line, whatever a user's model does is a mistake of the user's: one message, exit
code 2."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from calico.cli.errors import show_user_errors
from calico.cli.main import cli

MODEL = """
import os, signal, sys
class M:
    sensors = ("lidar",)
    def predict(self, frames):
        {predict}
def build():
    {factory}
    return M()
{late}
"""


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    """One small frame, kept for all tests of this file."""
    sim = ("data.sim.val_scenes=1", "data.sim.frames_per_scene=1", "data.sim.image_size=[24,64]")
    cache = f"data.cache_dir={tmp_path_factory.mktemp('sim')}"
    return tuple(word for text in (*sim, cache) for word in ("--set", text))


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    """The exit code of a command."""
    monkeypatch.setattr(sys, "argv", ["calico", *words])
    with pytest.raises(SystemExit) as ended:
        show_user_errors(cli)
    return int(ended.value.code or 0)


def write_model(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, **parts: str) -> str:
    body = MODEL.format(**{"predict": "return []", "factory": "pass", "late": ""} | parts)
    (folder / f"{name}.py").write_text(body)
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(str(folder))
    return f"{name}:build"


@pytest.mark.parametrize(
    ("name", "parts", "said"),
    [
        ("cli_exit_predict", {"predict": "sys.exit(0)"}, "predict raised SystemExit: 0"),
        ("cli_exit_factory", {"factory": "sys.exit(0)"}, "the factory raised SystemExit: 0"),
        (
            "cli_exit_import",
            {"late": "sys.exit(0)"},
            "importing cli_exit_import raised SystemExit: 0",
        ),
        (
            "cli_interrupt",
            {"predict": "raise KeyboardInterrupt"},
            "predict raised KeyboardInterrupt",
        ),
        ("cli_generator", {"predict": "raise GeneratorExit"}, "predict raised GeneratorExit"),
        (
            "cli_os_exit",
            {"predict": "os._exit(0)"},
            "predict raised _EndedByModel: os._exit(0) was called",
        ),
    ],
)
@pytest.mark.parametrize("command", ["eval", "robust", "infer"])
def test_a_model_that_quits_is_an_error(
    command: str,
    name: str,
    parts: dict[str, str],
    said: str,
    settings: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    spec = write_model(tmp_path, monkeypatch, f"{name}_{command}", **parts)
    more = {
        "eval": [],
        "robust": ["--corruptions", "fog", "--severity", "5"],
        "infer": ["--no-pictures"],
    }[command]
    assert run(monkeypatch, command, spec, *settings, *more, "--out", str(tmp_path / "out")) == 2
    printed = capsys.readouterr().err
    assert said.replace(name, f"{name}_{command}") in printed
    assert "Traceback" not in printed
    assert not list(tmp_path.rglob("results.json"))


def test_a_real_interrupt_ends_the_command_with_130(
    settings: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    predict = f"os.kill({os.getpid()}, signal.{signal.SIGINT.name}); [None for _ in range(1000)]"
    spec = write_model(tmp_path, monkeypatch, "cli_real_interrupt", predict=predict)
    before = signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # background processes of a shell ignore it
    try:
        assert run(monkeypatch, "eval", spec, *settings) == 130
    finally:
        signal.signal(signal.SIGINT, before)
    assert "interrupted" in capsys.readouterr().err


def test_eval_says_its_ranges_and_that_a_model_does_not_repeat_itself(
    settings: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    predict = (
        "self.n = getattr(self, 'n', 0) + 1; "
        "return [dict(boxes=[[5, 0, 0, 4, 2, 2, 0]], scores=[1 / self.n], labels=[0]) for _ in "
        "frames]"
    )
    spec = write_model(tmp_path, monkeypatch, "cli_eval", predict=predict)
    assert run(monkeypatch, "eval", spec, *settings) == 0
    printed = capsys.readouterr()
    first = (
        "cli_eval/user on sim-val; ranges of taxonomy nuscenes, but at most 32 m, where the "
        "model's grid ends"
    )
    assert printed.out.startswith(first)
    assert (
        "cli_eval/user answers differently when it is asked twice about one frame (scores by up to "
        "0.167)" in printed.err
    )
    assert run(monkeypatch, "eval", spec, *settings, "--set", "eval.clip_range_to_grid=false") == 0
    assert capsys.readouterr().out.startswith(
        "cli_eval/user on sim-val; ranges of taxonomy nuscenes\n"
    )


def test_the_default_folder_of_a_model_with_an_odd_name_stays_below_runs(
    settings: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    predict = "return [dict(boxes=[], scores=[], labels=[]) for _ in frames]"
    spec = write_model(
        tmp_path, monkeypatch, "cli_odd_name", predict=predict, late="M.name = '../../../escaped'"
    )
    inner = tmp_path / "a" / "b" / "c"
    inner.mkdir(parents=True)
    monkeypatch.chdir(inner)
    assert (
        run(monkeypatch, "robust", spec, *settings, "--corruptions", "fog", "--severity", "5") == 0
    )
    written = [path.relative_to(inner) for path in tmp_path.rglob("results.json")]
    assert [path.parts[0] for path in written] == ["runs"]
    assert written[0].parts[1].endswith("-robust")
