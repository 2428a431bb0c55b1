"""What the shared options refuse, and what their commands say of it."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from calico.cli.main import cli
from calico.config.load import to_yaml
from calico.config.presets import make_tiny
from calico.errors import CalicoError


def error_of(*words: str) -> str:
    error = CliRunner().invoke(cli, words).exception
    assert isinstance(error, CalicoError), error
    return str(error)


def output_of(*words: str, expect: int = 0) -> str:
    done = CliRunner().invoke(cli, words)
    assert done.exit_code == expect, done.output
    return done.output


def test_a_data_root_that_would_not_be_looked_at_is_refused(tmp_path: Path) -> None:
    root = ("--data-root", str(tmp_path))
    for words in (
        ("data", "check"),
        ("config", "check"),
        ("robust", "--model", "a.b:c"),
        ("config", "show", "--preset", "tiny"),
    ):
        assert "holds no known layout" in error_of(*words, *root)
        explicit = (*words, "--set", "data.source=sim", *root)
        assert "leave out data.source, which the folder decides" in error_of(*explicit)
    assert f"root: {tmp_path}" in output_of(
        "config", "show", "--set", "data.source=nuscenes", *root
    )


def test_config_check_looks_for_the_folder_of_the_data() -> None:
    check = ("config", "check", "--preset", "nuscenes")
    assert "data.root: '/nonexist' is not a folder" in error_of(*check, "--data-root", "/nonexist")
    assert "valid" in output_of(*check)


@pytest.mark.parametrize("command", ["eval", "export", "robust", "infer"])
def test_a_model_that_is_not_there_is_said_first(command: str, tmp_path: Path) -> None:
    extra = ("--out", str(tmp_path)) if command == "infer" else ()
    assert "model 'no/where' does not exist; expected a run folder" in error_of(
        command, "name=no/where", *extra
    )


@pytest.mark.parametrize(
    "setting", ["grid.pillar_m=1", "model.detection.max_boxes=7", "model.camera=null"]
)
@pytest.mark.parametrize("command", ["eval", "robust", "infer"])
def test_a_setting_of_a_trained_network_cannot_be_changed(
    command: str, setting: str, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (run / "config.yaml").write_text(to_yaml(make_tiny()))
    key = setting.split("=")[0]
    message = error_of(command, str(run), "--set", setting, "--out", str(tmp_path / "out"))
    assert message.startswith(
        "settings of a trained network are fixed, and these differ from its own: "
    )
    assert f" {key}" in message
    assert " was " in message


def test_export_asks_for_the_torch_weights(tmp_path: Path) -> None:
    file = tmp_path / "model.bin"
    file.write_bytes(b"x" * 100)
    assert "give the run folder, or its .safetensors file" in error_of("export", str(file))


def test_export_leaves_a_file_that_is_there_alone(tmp_path: Path) -> None:
    file = tmp_path / "model.onnx"
    file.write_bytes(b"mine")
    assert "model.onnx is there already; --overwrite replaces it" in error_of(
        "export", "untrained", "--out", str(file)
    )
    assert file.read_bytes() == b"mine"


@pytest.mark.parametrize("name", ["model.trt.onnx", "model.engine"])
def test_export_for_tensorrt_leaves_its_files_alone_too(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"mine")
    message = error_of("export", "untrained", "--trt", "--out", str(tmp_path / "model.onnx"))
    assert f"{name} is there already; --overwrite replaces it" in message
    assert (tmp_path / name).read_bytes() == b"mine"


def test_help_of_data_fits_its_line() -> None:
    listed = output_of("data", "--help").partition("Commands:")[2]
    assert "check " in listed
    assert "..." not in listed.partition("regions")[0]
