"""What the benchmark refuses before it trains, and which results it takes for finished. Nothing
here trains."""

import hashlib
import json
import sys
from pathlib import Path
from typing import Any, Literal

import pytest
from click.testing import CliRunner

from calico.errors import CalicoError
from corruptions.preset import Level
from experiments.pretraining import protocol
from experiments.pretraining.command import command
from experiments.pretraining.protocol import VARIANTS, Cell
from experiments.pretraining.records import CELL_FORMAT, ROBUST_FORMAT
from experiments.pretraining.robust import measure_robustness
from experiments.pretraining.run import Bench, _check_start

RANDOM = Cell("ci", VARIANTS["lidar-random"], 0.5, 0)
PRC = Cell("ci", VARIANTS["lidar-prc"], 0.5, 0)


def silent(name: str) -> Any:
    raise AssertionError(f"something runs: {name}")


def bench(folder: Path, split: Literal["val", "test"] = "test", *extra: str) -> Bench:
    return Bench(
        folder / "work",
        folder / "results",
        split=split,
        extra=extra,
        command=(),
        progress=silent,
        say=print,
    )


FIGURES = {
    "format": CELL_FORMAT,
    "labels": 0.05,
    "seed": 0,
    "n_frames": 8,
    "labelled_frames": 1,
    "steps": 12,
    "metrics": {},
}


def finish(folder: Path, cell: Cell) -> Path:
    """The result of a cell, without its figures."""
    identity = bench(folder)._identity(cell)
    used = {stage: {"key": key} for stage, key in identity["pretraining"].items()}
    path = folder / "results" / f"{cell.name}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(
        json.dumps({**FIGURES, "variant": cell.variant.name, **identity, "pretraining": used})
    )
    return path


@pytest.mark.parametrize("cell", [RANDOM, PRC])
def test_a_finished_cell_is_not_run_again(tmp_path: Path, cell: Cell) -> None:
    path = finish(tmp_path, cell)
    assert bench(tmp_path).run(cell) == path
    assert (
        bench(tmp_path, "test", "device=cpu", "data.workers=3", f"data.cache_dir={tmp_path}").run(
            cell
        )
        == path
    )
    bench(tmp_path).check([cell])


def test_a_finished_cell_of_another_benchmark_is_an_error(tmp_path: Path) -> None:
    finish(tmp_path, RANDOM)
    with pytest.raises(CalicoError, match="split sim-test there, sim-val now"):
        bench(tmp_path, "val").run(RANDOM)
    with pytest.raises(
        CalicoError, match=r"config_sha256 .* use the same --size, --split and --set"
    ):
        bench(tmp_path, "test", "train.learning_rate=0.5").run(RANDOM)
    with pytest.raises(CalicoError, match="data_hash"):
        bench(tmp_path, "test", "data.sim.seed=5").check([RANDOM])
    with pytest.raises(CalicoError, match="size ci there, laptop now"):
        bench(tmp_path).check([Cell("laptop", RANDOM.variant, 0.5, 0)])


def test_a_finished_cell_of_another_pre_training_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish(tmp_path, PRC)
    monkeypatch.setattr(protocol, "REGIONS_VERSION", -1)
    with pytest.raises(CalicoError, match=r"pretraining .'prc': 'prc-.*'. there"):
        bench(tmp_path).run(PRC)


def test_fine_tuning_goes_on_from_the_same_pre_training_only(tmp_path: Path) -> None:
    used = {"prc": {"key": "prc-1", "model_sha256": "a"}}
    _check_start(tmp_path / "cell", used)
    _check_start(tmp_path / "cell", used)
    with pytest.raises(CalicoError, match="started from another pre-training"):
        _check_start(tmp_path / "cell", {"prc": {"key": "prc-1", "model_sha256": "b"}})


@pytest.mark.parametrize("size", ["real", "full"])
def test_a_split_that_is_not_there_is_known_at_the_start(tmp_path: Path, size: str) -> None:
    with pytest.raises(CalicoError, match="no test split"):
        bench(tmp_path).check([Cell(size, VARIANTS["lidar-random"], 1.0, 0)])


def test_settings_of_every_cell_are_known_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(CalicoError, match="unknown key train"):
        bench(tmp_path, "test", "train.epoch=3").check([RANDOM])


def invoke(work: Path, *words: str) -> str:
    result = CliRunner().invoke(command, ["--size", "ci", "--work", str(work), *words])
    assert isinstance(result.exception, CalicoError)
    assert not work.exists()
    return str(result.exception)


def test_the_command_checks_before_it_trains(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = tmp_path / "work"
    assert "needs the variant lidar-random" in invoke(work, "--variant", "lidar-prc", "--robust")
    assert "no test split" in invoke(work, "--size", "real", "--variant", "lidar-random")
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert "calico-bev[viz]" in invoke(work, "--variant", "lidar-random")


@pytest.mark.parametrize(("size", "split"), [("ci", "val"), ("laptop", "test")])
def test_sizes_and_splits_have_results_of_their_own(tmp_path: Path, size: str, split: str) -> None:
    message = invoke(tmp_path / "work", "--table-only", "--size", size, "--split", split)
    assert message.startswith(f"{tmp_path / 'work' / 'results' / f'{size}-{split}'}: no cells")


def test_help_says_what_robust_measures() -> None:
    assert "share of the clean mAP lost" in " ".join(
        CliRunner().invoke(command, ["--help"]).output.split()
    )


def robust(folder: Path, *cells: Cell) -> Path:
    return measure_robustness(
        folder / "work",
        folder / "results",
        cells,
        split="test",
        extra=(),
        command=(),
        progress=silent,
        say=print,
    )


def test_robustness_is_taken_from_disk_for_the_same_models_only(tmp_path: Path) -> None:
    common = {"size": "ci", "split": "sim-test", "data_hash": {"train": "t", "sim-test": "e"}}
    robustness = {"format": ROBUST_FORMAT, "labels": 0.05, "variants": {}, **common}
    for cell, sha256 in ((RANDOM, "a"), (PRC, "b")):
        path = tmp_path / "results" / f"{cell.name}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(
            json.dumps({**FIGURES, "variant": cell.variant.name, **common, "model_sha256": sha256})
        )
    record = tmp_path / "results" / f"robust-{RANDOM.name}.json"
    record.write_text(json.dumps({**robustness, "models": {"lidar-random": "a", "lidar-prc": "b"}}))
    assert robust(tmp_path, RANDOM, PRC) == record
    with pytest.raises(
        CalicoError, match="model of a finished cell is needed"
    ):  # other variants: not from disk
        robust(tmp_path, RANDOM)
    record.write_text(
        json.dumps({**robustness, "models": {"lidar-random": "a", "lidar-prc": "changed"}})
    )
    model = RANDOM.model_folder(tmp_path / "work") / "model.safetensors"
    model.parent.mkdir(parents=True)
    model.write_bytes(b"another model")
    assert hashlib.sha256(model.read_bytes()).hexdigest() != "a"
    with pytest.raises(CalicoError, match="not the model of its cell's result"):
        robust(tmp_path, RANDOM, PRC)


def test_a_condition_is_of_fine_tuning_and_the_evaluation_not_of_pre_training(
    tmp_path: Path,
) -> None:
    clean, sparse = (
        bench(tmp_path)._identity(Cell(size, VARIANTS["lidar-prc"], 0.05, 0))
        for size in ("laptop-short", "laptop-4-beams")
    )
    assert sparse["pretraining"] == clean["pretraining"]
    assert sparse["config_sha256"] == clean["config_sha256"]
    assert all(
        sparse["data_hash"][name] != clean["data_hash"][name] for name in ("train", "sim-test")
    )


def test_robustness_of_a_size_under_a_condition_is_refused_before_it_trains(tmp_path: Path) -> None:
    text = invoke(tmp_path / "work", "--size", "laptop-4-beams", "--robust")
    assert "--robust: the frames of size laptop-4-beams are not clean; use laptop-short" in text


def test_data_that_a_condition_can_do_nothing_to_are_refused_before_anything_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_sweep = protocol.Size("tiny", condition=Level("sweep_dropout", 1))
    monkeypatch.setitem(protocol.SIZES, "ci", one_sweep)
    with pytest.raises(CalicoError, match="sweep_dropout"):
        bench(
            tmp_path,
            "test",
            "data.sim={test_scenes: 1, frames_per_scene: 1}",
            f"data.cache_dir={tmp_path / 'sim'}",
        ).check([RANDOM])
