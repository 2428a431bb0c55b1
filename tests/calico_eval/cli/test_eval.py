"""`calico eval`: what it refuses before it opens anything, and how it prints a figure."""

from pathlib import Path

from click.testing import CliRunner

from calico.cli.main import cli
from calico.errors import CalicoError
from calico_eval.cli.eval import format_line, name_rare_classes
from reports.schema import Metric


def error_of(*words: str) -> str:
    error = CliRunner().invoke(cli, words).exception
    assert isinstance(error, CalicoError), error
    return str(error)


def test_an_interval_over_one_scene_says_so() -> None:
    metric = Metric(value=0.5, lo=0.4, hi=0.6, n_frames=6, n_scenes=1, n_objects=7)
    assert format_line("mAP", metric).endswith(
        " 0.5000  [0.4000, 0.6000]  (6 frames, one scene, 7 objects)"
    )
    metric = Metric(value=0.5, n_frames=6, n_scenes=2)
    assert format_line("mIoU", metric).endswith(" 0.5000  (6 frames, 2 scenes)")
    assert "undefined (no map)" in format_line(
        "mIoU", Metric(value=None, reason="no map", n_frames=0, n_scenes=0)
    )


def test_eval_names_the_classes_that_its_intervals_know_too_little_of() -> None:
    method = "scene jackknife, t, 95%"
    metric = Metric(value=0.5, lo=0.4, hi=0.6, method=method, n_frames=8, n_scenes=4)
    assert name_rare_classes(metric) == ""
    assert (
        name_rare_classes(metric.model_copy(update={"method": f"{method}; in none: bus"}))
        == "in none: bus"
    )
    assert name_rare_classes(metric.model_copy(update={"method": None})) == ""


def test_eval_leaves_a_file_that_is_there_alone(tmp_path: Path) -> None:
    mine = tmp_path / "mine.json"
    mine.write_text("mine")
    assert "mine.json is there already; --overwrite replaces it" in error_of(
        "eval", "a.b:c", "--out", str(mine)
    )
    assert mine.read_text() == "mine"
    assert "is a folder; expected a file" in error_of("eval", "a.b:c", "--out", str(tmp_path))


def test_eval_scores_the_test_frames_where_there_are_some(tmp_path: Path) -> None:
    sim = ("data.sim.test_scenes=1", "data.sim.frames_per_scene=1", "data.sim.image_size=[24,64]")
    settings = [
        word for text in (*sim, f"data.cache_dir={tmp_path / 'sim'}") for word in ("--set", text)
    ]
    words = ["eval", "examples.user_model:build", "--split", "test"]
    done = CliRunner().invoke(cli, [*words, *settings], catch_exceptions=False)
    assert "cluster/user on sim-test" in done.output
    assert "(1 frames, one scene" in done.output
    assert "has no test split with labels; use val" in error_of(
        *words, "--preset", "nuscenes", "--data-root", str(tmp_path)
    )
