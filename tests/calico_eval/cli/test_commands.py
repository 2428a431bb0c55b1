"""What eval, infer and robust refuse before they open anything, and how eval prints a figure."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from calico.cli.main import cli
from calico.config.load import load_config
from calico.errors import CalicoError
from calico_eval.attacks import AttackSpec, Threat
from calico_eval.cli.attack_options import AttackOptions
from calico_eval.cli.eval import line_of, rare_classes
from calico_eval.cli.robust import _exported, _fit_source, _joined
from calico_eval.engines.torch import TorchEngine
from calico_eval.engines.user import UserEngine
from calico_eval.evaluation.suites import Suite, list_suites
from reports.schema import Metric

ROOT = Path(__file__).parents[3]


def test_an_interval_over_one_scene_says_so() -> None:
    metric = Metric(value=0.5, lo=0.4, hi=0.6, n_frames=6, n_scenes=1, n_objects=7)
    assert line_of("mAP", metric).endswith(
        " 0.5000  [0.4000, 0.6000]  (6 frames, one scene, 7 objects)"
    )
    metric = Metric(value=0.5, n_frames=6, n_scenes=2)
    assert line_of("mIoU", metric).endswith(" 0.5000  (6 frames, 2 scenes)")
    assert "undefined (no map)" in line_of(
        "mIoU", Metric(value=None, reason="no map", n_frames=0, n_scenes=0)
    )


def test_attacks_are_on_what_the_models_have_not_on_what_the_attack_model_has(
    small_engine: TorchEngine,
) -> None:
    def has(*missing: str) -> TorchEngine:
        model = small_engine.config.model.model_copy(update=dict.fromkeys(missing))
        return TorchEngine(
            small_engine.model, small_engine.config.model_copy(update={"model": model}), "cpu"
        )

    asked = AttackOptions.of(Suite((), attacks=("pgd",)))
    specs = asked.specs([has()], [has("camera", "detection")])
    assert [(spec.sensor, spec.objective) for spec in specs] == [
        ("camera", "hide"),
        ("lidar", "hide"),
    ]
    specs = asked.specs([has("camera", "detection")], [has()])
    assert [(spec.sensor, spec.objective) for spec in specs] == [("lidar", "map_erase")]
    user = UserEngine(object(), "user", ("camera",), "0")
    specs = asked.specs([user], [has("detection")])
    assert [(spec.sensor, spec.objective) for spec in specs] == [("camera", "map_erase")]


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--eps", "0.1", "budget '0.1': expected a number with its unit, one of 4/255"),
        ("--eps", "9" * 400 + "/255", "expected a number with its unit"),
        ("--points", "many", "budget 'manypoints': expected a number with its unit"),
        ("--attack", "pdg", "attack 'pdg': did you mean 'pgd'? Expected one of"),
    ],
)
def test_what_is_no_attack_or_budget_is_named_with_what_was_expected(
    option: str, value: str, message: str
) -> None:
    error = (
        CliRunner()
        .invoke(cli, ["robust", "examples.user_model:build", "--attack", "pgd", option, value])
        .exception
    )
    assert isinstance(error, CalicoError)
    assert message in str(error)


def test_a_severity_without_corruptions_is_refused() -> None:
    done = CliRunner().invoke(
        cli, ["robust", "examples.user_model:build", "--attack", "pgd", "--severity", "3"]
    )
    assert done.exit_code == 2
    assert "--severity is for corruptions" in done.output


MISTAKES = {
    "--suite nope": "unknown suite 'nope'",
    "--corruptions fogg": "did you mean 'fog'",
    "--corruptions fog --severity 9": "severity is 9",
    "--corruptions fog --steps 3": "are for attacks; add --attack pgd",
    "--attack pgd --severity 3": "--severity is for corruptions",
    "--attack pgd --eps 0.1": "budget '0.1'",
    "--attack pgd --sensor radar": "sensor 'radar': expected one of",
    "--curve fog.visibility=400:20:8": "fog has visibility_m",
    "--frames 0": "0 is not in the range x>=1",
    "--engine onnx": "leave --engine out",
    "--out examples": "is not empty; --resume goes on with it",
}


def test_a_mistake_in_the_options_is_said_before_torch_is_loaded() -> None:
    """In a process of its own: this one has torch. It takes seconds to load, and the models longer."""
    code = (
        "import json, sys\n"
        "from click.testing import CliRunner\n"
        "from calico.cli.main import cli\n"
        "said = []\n"
        "for text in sys.argv[1:]:\n"
        "    done = CliRunner().invoke(cli, ['robust', 'examples.user_model:build', *text.split()])\n"
        "    said.append([done.exit_code, done.output + str(done.exception)])\n"
        "print(json.dumps([said, 'torch' in sys.modules]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *MISTAKES],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    said, torch_loaded = json.loads(done.stdout)
    for (exit_code, text), message in zip(said, MISTAKES.values(), strict=True):
        assert exit_code != 0
        assert message in text
    assert not torch_loaded


def test_an_attack_or_objective_that_there_is_not_is_said_before_the_model_is_opened() -> None:
    for words, message in (
        (("--attack", "pdg"), "did you mean 'pgd'?"),
        (("--attack", "pgd", "--objective", "hid"), "did you mean 'hide'?"),
        (("--attack", "square", "--steps", "5"), "makes several steps; expected --queries"),
    ):
        assert message in error_of("robust", "no.such.module:build", *words)


def test_the_title_names_the_models() -> None:
    assert [_joined(["a"] * 2), _joined(["a", "b"]), _joined(["a", "b", "c"])] == [
        "a",
        "a and b",
        "a and 2 others",
    ]


def test_the_onnx_engine_runs_exported_models_only(tmp_path: Path) -> None:
    assert _exported(f"mine={tmp_path}") == f"mine={tmp_path}/model.onnx"
    assert _exported("runs/tiny/model.onnx") == "runs/tiny/model.onnx"
    (tmp_path / "lr=0.1").mkdir()
    assert _exported(f"{tmp_path}/lr=0.1") == f"{tmp_path}/lr=0.1/model.onnx"
    done = CliRunner().invoke(cli, ["robust", "examples.user_model:build", "--engine", "onnx"])
    assert done.exit_code == 2
    assert (
        "examples.user_model:build is no run folder and no .onnx file; leave --engine out"
        in done.output
    )


def test_the_other_split_is_opened_only_for_attacks_that_are_learnt_on_it() -> None:
    """A copy of the validation split alone has no other; here there is no data set at all."""
    config = load_config("nuscenes", None, [])
    assert _fit_source(config, "val", [AttackSpec("pgd", Threat(camera_levels=4))]) is None
    with pytest.raises(CalicoError, match=r"data\.root: not set"):
        _fit_source(config, "val", [AttackSpec("universal", Threat(camera_levels=4))])


def error_of(*words: str) -> str:
    error = CliRunner().invoke(cli, words).exception
    assert isinstance(error, CalicoError), error
    return str(error)


def test_infer_leaves_what_is_there_alone(tmp_path: Path) -> None:
    mine = tmp_path / "mine.txt"
    mine.write_text("mine")
    infer = ("infer", "a.b:c", "--out")
    assert "is not empty; --overwrite deletes it, or choose another --out" in error_of(
        *infer, str(tmp_path)
    )
    assert "has no run.json at all, so it is not deleted" in error_of(
        *infer, str(tmp_path), "--overwrite"
    )
    for more in ((), ("--overwrite",)):
        assert "is a file; expected a folder" in error_of(*infer, str(mine), *more)
    assert mine.read_text() == "mine"


def test_eval_names_the_classes_that_its_intervals_know_too_little_of() -> None:
    method = "scene jackknife, t, 95%"
    metric = Metric(value=0.5, lo=0.4, hi=0.6, method=method, n_frames=8, n_scenes=4)
    assert rare_classes(metric) == ""
    assert (
        rare_classes(metric.model_copy(update={"method": f"{method}; in none: bus"}))
        == "in none: bus"
    )
    assert rare_classes(metric.model_copy(update={"method": None})) == ""


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


def test_eval_and_infer_overwrite_what_they_wrote_when_told(tmp_path: Path) -> None:
    sim = ("data.sim.val_scenes=1", "data.sim.frames_per_scene=2", "data.sim.image_size=[24,64]")
    settings = [
        word for text in (*sim, f"data.cache_dir={tmp_path / 'sim'}") for word in ("--set", text)
    ]
    mine = tmp_path / "mine.json"
    mine.write_text("mine")
    for words in (
        ("eval", "examples.user_model:build", "--out", str(mine), "--overwrite"),
        ("infer", "examples.user_model:build", "--no-pictures", "--out", str(tmp_path / "out")),
    ):
        done = CliRunner().invoke(cli, [*words, *settings], catch_exceptions=False)
        assert done.exit_code == 0, done.output
    assert list(json.loads(mine.read_text())) == ["cluster/user"]
    out = tmp_path / "out"
    (out / "old.txt").write_text("of another run")
    again = (
        "infer",
        "examples.user_model:build",
        "--no-pictures",
        "--limit",
        "1",
        "--out",
        str(out),
        *settings,
    )
    assert "--overwrite deletes it" in error_of(*again)
    assert (out / "old.txt").exists()
    assert CliRunner().invoke(cli, [*again, "--overwrite"], catch_exceptions=False).exit_code == 0
    assert sorted(file.name for file in out.glob("[!.]*")) == ["run.json", "submission.json"]
    assert len(json.loads((out / "submission.json").read_text())["results"]) == 1


def test_help_of_robust_names_every_suite_and_kind_of_model() -> None:
    text = "".join(CliRunner().invoke(cli, ["robust", "--help"]).output.split())
    assert all(name in text for name in (*list_suites(), "predictionfiles"))
    assert "prediction files" in CliRunner().invoke(cli, ["eval", "--help"]).output


def test_a_curve_is_refused_before_anything_runs(tmp_path: Path) -> None:
    out = tmp_path / "run"
    for curve, message in (
        ("fog.visibility=400:20:8", "fog has visibility_m"),
        ("fog.visibility_m=400,0.5", "is 0.5"),
    ):
        error = (
            CliRunner()
            .invoke(cli, ["robust", "a.b:c", "--curve", curve, "--out", str(out)])
            .exception
        )
        assert message in str(error)
    assert not out.exists()


def test_the_old_name_of_curve_names_the_new_one(tmp_path: Path) -> None:
    words = ["robust", "a.b:c", "--sweep", "fog.visibility_m=400,200", "--out", str(tmp_path / "a")]
    found = CliRunner().invoke(cli, words)
    assert found.exit_code == 2
    assert "--sweep is called --curve now: --curve fog.visibility_m=400,200" in found.output


@pytest.mark.parametrize(
    "options",
    [
        ("--save-attacked",),
        ("--no-sanity",),
        ("--attack-model", "other=examples.user_model:build"),
        ("--steps", "3"),
    ],
)
def test_options_of_attacks_without_one_are_refused(options: tuple[str, ...]) -> None:
    done = CliRunner().invoke(
        cli, ["robust", "examples.user_model:build", "--corruptions", "fog", *options]
    )
    assert done.exit_code == 2
    assert "are for attacks; add --attack pgd" in " ".join(done.output.split())
