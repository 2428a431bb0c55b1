import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from calico.config.load import load_config
from calico.config.schema import Config
from calico.data.source import FrameInfo
from calico.errors import CalicoError
from calico.frame import Boxes, Frame, Int64
from calico.geometry.grid import Grid
from calico.models.calico import CalicoModel, build_model
from calico.seeds import derive_seed
from calico.taxonomy import NUSCENES
from calico.train.checkpoint import MODEL_FILE, load_model
from calico.train.prc import PROJECTOR_FILE
from calico.train.stages import check_plan, resolve_init, run_stages, stages_of
from tests.mini import MINI as SMALL

MINI = [
    *SMALL,
    "pretrain.samples={rich: 64, less: 32}",
    "pretrain.prc.hidden_channels=16",
    "pretrain.prc.embedding_channels=8",
    "pretrain.prc.train={epochs: 2, batch_size: 2}",
    "pretrain.rad.train={epochs: 2, batch_size: 2}",
    "train={epochs: 1, batch_size: 2, init: calico}",
]


class Street:
    """One hand-built frame under several tokens, with or without its labels."""

    name = "hand"
    cameras: tuple[str, ...] = ("front", "back")
    taxonomy = NUSCENES
    map_grid: Grid | None

    def __init__(self, frame: Frame, map_grid: Grid, *, labelled: bool = True) -> None:
        rng = np.random.default_rng(2)
        noise = rng.normal(0, 0.02, (4, *frame.points.shape)).astype(np.float32)
        self.frames = [
            frame.replace(token=f"hand-{i}", points=frame.points + noise[i]) for i in range(4)
        ]
        if not labelled:
            self.frames = [
                f.replace(boxes=Boxes.empty(), map_masks=~f.map_masks) for f in self.frames
            ]  # type: ignore[operator]
        self.map_grid, self.labelled = map_grid, labelled

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, index: int) -> Frame:
        return self.frames[index]

    def info(self, index: int) -> FrameInfo:
        return FrameInfo(self.frames[index].token, "hand")

    def labels(self, index: int) -> Int64:
        assert self.labelled, "pre-training asked for labels"
        return self.frames[index].boxes.labels

    def content_hash(self) -> str:
        return "hand"


def nothing(model: CalicoModel, config: Config) -> dict[str, float | None]:
    return {}


def config_of(folder: Path, *extra: str) -> Config:
    return resolve_init(
        load_config(
            "tiny", None, [*MINI, f"pretrain.regions.cache_dir={folder / 'regions'}", *extra]
        )
    )


def run(
    config: Config,
    source: Street,
    out: Path,
    *,
    stop_at: tuple[str, int] | None = None,
    **options: Any,
) -> list[str]:
    said: list[str] = []

    def bar(stage: str) -> Any:
        def progress(done: int, total: int, values: Mapping[str, float]) -> None:
            if stop_at == (stage, done):
                raise KeyboardInterrupt

        return progress

    out.mkdir(parents=True, exist_ok=True)
    stages = options.pop("stages", stages_of(config))
    measures = dict.fromkeys(("prc", "rad", "finetune"), nothing)
    run_stages(
        config,
        source,
        out,
        stages=stages,
        measures=measures,
        progress=bar,
        say=said.append,
        resume=options.pop("resume", False),
    )
    return said


def files(out: Path) -> dict[str, bytes]:
    """Every file but TensorBoard's."""
    return {
        str(path.relative_to(out)): path.read_bytes()
        for path in sorted(out.rglob("*"))
        if path.is_file() and "tensorboard" not in path.parts
    }


@pytest.mark.parametrize("stop_at", [("prc", 3), ("rad", 1), ("rad", 4), ("finetune", 1)])
def test_a_run_killed_in_any_stage_resumes_to_the_same_bytes(
    frame: Frame, map_grid: Grid, tmp_path: Path, stop_at: tuple[str, int]
) -> None:
    source, config = Street(frame, map_grid), config_of(tmp_path)
    run(config, source, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        run(config, source, tmp_path / "cut", stop_at=stop_at)
    run(config, source, tmp_path / "cut", resume=True)
    whole, cut = files(tmp_path / "whole"), files(tmp_path / "cut")
    assert (
        whole.keys()
        == cut.keys()
        >= {f"prc/{PROJECTOR_FILE}", "rad/log.jsonl", MODEL_FILE, "run.json"}
    )
    assert [name for name in whole if whole[name] != cut[name]] == []


def test_pre_training_reads_no_label(frame: Frame, map_grid: Grid, tmp_path: Path) -> None:
    config = config_of(tmp_path)
    run(config, Street(frame, map_grid), tmp_path / "a", stages=("prc", "rad"))
    run(config, Street(frame, map_grid, labelled=False), tmp_path / "b", stages=("prc", "rad"))
    assert files(tmp_path / "a") == files(tmp_path / "b")


def test_each_stage_trains_its_own_part(frame: Frame, map_grid: Grid, tmp_path: Path) -> None:
    config = config_of(tmp_path)
    said = run(config, Street(frame, map_grid), tmp_path / "run")
    assert [line.split(":")[0] for line in said] == ["rad", "finetune"]
    assert all("weights)" in line for line in said)
    prc, rad = (load_model(tmp_path / "run" / stage)[0].state_dict() for stage in ("prc", "rad"))
    fresh = build_model(config, seed=derive_seed(config.seed, "weights")).state_dict()
    changed = {name.split(".")[0] for name in fresh if not torch.equal(fresh[name], prc[name])}
    assert changed == {"lidar", "fuser", "backbone"}
    camera_half = {
        name: value[:, :8] for name, value in fresh.items() if name == "fuser.block.0.weight"
    }
    assert all(torch.equal(prc[name][:, :8], value) for name, value in camera_half.items())
    assert not torch.equal(prc["fuser.block.0.weight"][:, 8:], fresh["fuser.block.0.weight"][:, 8:])
    assert {name.split(".")[0] for name in prc if not torch.equal(prc[name], rad[name])} == {
        "camera",
        "lift",
    }


@pytest.mark.parametrize(
    "settings",
    [
        ("pretrain.prc.loss=pooled",),
        ("pretrain.prc.loss=scene",),
        ("pretrain.prc.loss=cell",),
        ("pretrain.prc.alpha=0",),
        ("pretrain.prc.alpha=1", "pretrain.samples.less=0"),
        ("pretrain.rad.loss=kl",),
        ("pretrain.rad.loss=both", "model.camera.view_transform=homography"),
        ("pretrain.rad.loss=dense", "model.fuser=add"),
        ("pretrain.rad.teacher=fused",),
    ],
)
def test_every_option_runs_and_logs_its_terms(
    frame: Frame, map_grid: Grid, tmp_path: Path, settings: tuple[str, ...]
) -> None:
    config = config_of(
        tmp_path, "pretrain.prc.train.epochs=1", "pretrain.rad.train.epochs=1", *settings
    )
    run(config, Street(frame, map_grid), tmp_path / "run", stages=("prc", "rad"))
    for stage in ("prc", "rad"):
        first, *_, last = map(
            json.loads, (tmp_path / "run" / stage / "log.jsonl").read_text().splitlines()
        )
        assert np.isfinite(first["total"])
        assert first["total"] > 0
        assert last["validation"]["effective_rank"] >= 1


def test_contrast_lowers_its_loss(frame: Frame, map_grid: Grid, tmp_path: Path) -> None:
    config = config_of(
        tmp_path, "pretrain.prc.train={epochs: 30, batch_size: 2, learning_rate: 0.01}"
    )
    run(config, Street(frame, map_grid), tmp_path / "run", stages=("prc",))
    log = [json.loads(line) for line in (tmp_path / "run/prc/log.jsonl").read_text().splitlines()]
    losses = [record["total"] for record in log if "total" in record]
    assert np.mean(losses[-5:]) < np.mean(losses[:5]) - 0.5


def test_a_finished_stage_serves_another_fine_tuning(
    frame: Frame, map_grid: Grid, tmp_path: Path
) -> None:
    source, out = Street(frame, map_grid), tmp_path / "run"
    run(config_of(tmp_path, "train.init=prc"), source, out, stages=("prc",))
    before = (out / "prc" / MODEL_FILE).stat().st_mtime_ns
    run(
        config_of(tmp_path, "train.init=prc", "train.label_fraction=0.5"), source, out, resume=True
    )  # finetune is new
    assert (out / "prc" / MODEL_FILE).stat().st_mtime_ns == before
    assert len(json.loads((out / "finetune/run.json").read_text())["frames"]) == 2


def test_fine_tuning_starts_from_a_file(frame: Frame, map_grid: Grid, tmp_path: Path) -> None:
    source = Street(frame, map_grid)
    run(config_of(tmp_path, "train.init=prc"), source, tmp_path / "a", stages=("prc",))
    alone = ("model.camera=null", f"train.init={tmp_path / 'a/prc'}")
    said = run(config_of(tmp_path, *alone), source, tmp_path / "b")
    taken, _, own = said[0].split("(")[1].split()[:3]
    assert (
        int(taken) == int(own) > 0
    )  # the widths are such that all of a LiDAR-only model is in a fused one


def test_stages_follow_from_the_initialisation(tmp_path: Path) -> None:
    assert stages_of(config_of(tmp_path)) == ("prc", "rad", "finetune")
    assert stages_of(config_of(tmp_path, "train.init=prc")) == ("prc", "finetune")
    assert stages_of(config_of(tmp_path, "train.init=random")) == ("finetune",)
    scene = config_of(tmp_path, "train.init=scene_contrast")
    assert stages_of(scene) == ("prc", "finetune")
    assert scene.pretrain.prc.loss == "scene"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            ("train.init=nowhere",),
            "expected one of random, prc, scene_contrast, calico, a model file",
        ),
        (("model.camera=null",), "needs model.camera, which is null; use --init prc"),
        (("model.lidar=null",), "needs model.lidar, which is null; use --init random"),
        (("train.init=scene_contrast", "model.lidar=null"), "needs model.lidar"),
    ],
)
def test_impossible_initialisations_say_what_to_do(
    tmp_path: Path, settings: tuple[str, ...], message: str
) -> None:
    with pytest.raises(CalicoError, match=message):
        config_of(tmp_path, *settings)


def test_data_without_a_sensor_or_map_that_the_model_wants_is_said_before_anything_is_written(
    frame: Frame, map_grid: Grid, tmp_path: Path
) -> None:
    source = Street(frame, map_grid)
    config = config_of(tmp_path, "train.init=random")
    source.cameras = ()
    with pytest.raises(
        CalicoError,
        match=r"has no cameras, but the model has a camera branch; set model\.camera to null",
    ):
        check_plan(("finetune",), config, source)
    check_plan(("prc",), config_of(tmp_path, "train.init=random", "model.camera=null"), source)
    source.cameras, source.map_grid = ("front", "back"), None
    with pytest.raises(
        CalicoError, match=r"has no maps, but the model has a map head; set model\.map to null"
    ):
        check_plan(("finetune",), config, source)
    check_plan(("prc", "rad"), config, source)  # pre-training reads no maps


def test_an_unfinished_stage_is_no_start(frame: Frame, map_grid: Grid, tmp_path: Path) -> None:
    source, config = Street(frame, map_grid), config_of(tmp_path, "train.init=prc")
    with pytest.raises(KeyboardInterrupt):
        run(config, source, tmp_path / "run", stop_at=("prc", 3))
    assert (tmp_path / "run/prc" / MODEL_FILE).exists()
    with pytest.raises(CalicoError, match="prc stopped before its end"):
        run(config, source, tmp_path / "run", stages=("finetune",), resume=True)


def test_a_stage_of_other_settings_is_no_start(
    frame: Frame, map_grid: Grid, tmp_path: Path
) -> None:
    source = Street(frame, map_grid)
    run(config_of(tmp_path, "train.init=scene_contrast"), source, tmp_path / "run", stages=("prc",))
    with pytest.raises(
        CalicoError,
        match=r"prc: the configuration differs .*pretrain\.prc\.loss was 'scene', is 'prc'",
    ):
        run(
            config_of(tmp_path, "train.init=prc"),
            source,
            tmp_path / "run",
            stages=("finetune",),
            resume=True,
        )


def test_a_refused_resume_changes_nothing(frame: Frame, map_grid: Grid, tmp_path: Path) -> None:
    source = Street(frame, map_grid)
    run(config_of(tmp_path, "train.init=prc"), source, tmp_path / "run")
    before = files(tmp_path / "run")
    with pytest.raises(CalicoError, match="finetune: the configuration differs"):
        run(
            config_of(tmp_path, "train.init=prc", "train.label_fraction=0.5"),
            source,
            tmp_path / "run",
            resume=True,
        )
    assert files(tmp_path / "run") == before


def test_place_device_and_workers_may_change_on_resume(
    frame: Frame, map_grid: Grid, tmp_path: Path
) -> None:
    """The rest of a run that was stopped after its first epoch ends with the same weights under
    another name, root and device."""
    source = Street(frame, map_grid)
    longer = ("train={epochs: 2, batch_size: 2, init: random}",)
    run(config_of(tmp_path, *longer), source, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        run(config_of(tmp_path, *longer), source, tmp_path / "cut", stop_at=("finetune", 3))
    moved = ("name=other", "data.root=there", "data.workers=1", "device=auto")
    if torch.cuda.is_available():
        moved = moved[:3]  # on a GPU the rest is not the same to the last bit
    run(config_of(tmp_path, *longer, *moved), source, tmp_path / "cut", resume=True)
    whole, cut = (load_model(tmp_path / name)[0].state_dict() for name in ("whole", "cut"))
    assert all(torch.equal(value, cut[name]) for name, value in whole.items())
    log = [
        json.loads(line) for line in (tmp_path / "cut/finetune/log.jsonl").read_text().splitlines()
    ]
    assert [record["step"] for record in log if "total" in record] == [1, 2, 3, 4]


def test_nothing_to_contrast_is_an_error(frame: Frame, map_grid: Grid, tmp_path: Path) -> None:
    source = Street(frame, map_grid)
    with pytest.raises(CalicoError, match="no region in the first 4 frames"):
        run(
            config_of(tmp_path, "pretrain.regions.top_m=[20, 30]"),
            source,
            tmp_path / "a",
            stages=("prc",),
        )
    alone = config_of(
        tmp_path, "train.init=scene_contrast", "pretrain.prc.train={epochs: 1, batch_size: 1}"
    )
    with pytest.raises(CalicoError, match="got batch_size 1"):
        run(alone, source, tmp_path / "b", stages=("prc",))
    with pytest.raises(CalicoError, match=r"pretrain.prc.augment.sensor_dropout"):
        config_of(tmp_path, "pretrain.prc.augment.sensor_dropout=0.1")


def test_weights_of_other_widths_are_refused(frame: Frame, map_grid: Grid, tmp_path: Path) -> None:
    source = Street(frame, map_grid)
    run(config_of(tmp_path, "train.init=prc"), source, tmp_path / "a", stages=("prc",))
    wide = ("model.lidar.pillar_channels=16", f"train.init={tmp_path / 'a/prc'}")
    with pytest.raises(CalicoError, match="no weight of its lidar fits"):
        run(config_of(tmp_path, *wide), source, tmp_path / "b")


def test_a_stage_without_the_one_before_says_so(
    frame: Frame, map_grid: Grid, tmp_path: Path
) -> None:
    for stage, before in (("rad", "prc"), ("finetune", "rad")):
        with pytest.raises(CalicoError, match=f"the stage {before} has not been run"):
            run(config_of(tmp_path), Street(frame, map_grid), tmp_path / "run", stages=(stage,))


def _flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(bytes(content))


def _cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-100])


def test_a_damaged_stage_never_replaces_the_good_model(
    frame: Frame, map_grid: Grid, tmp_path: Path
) -> None:
    source, config = Street(frame, map_grid), config_of(tmp_path, "train.init=prc")
    out = tmp_path / "run"
    run(config, source, out)
    good = files(out)
    for damage in (
        _cut,
        _flip,
        Path.unlink,
        lambda file: file.write_bytes(good["prc/model.safetensors"]),
    ):
        damage(out / "finetune" / MODEL_FILE)
        with pytest.raises(
            CalicoError, match=r"finetune.model\.safetensors.*--stage finetune --overwrite"
        ):
            run(config, source, out, resume=True)
        assert (out / MODEL_FILE).read_bytes() == good[MODEL_FILE]
        (out / "finetune" / MODEL_FILE).write_bytes(good[f"finetune/{MODEL_FILE}"])
    for name in (
        f"prc/{MODEL_FILE}",
        f"prc/{PROJECTOR_FILE}",
        "prc/done",
    ):  # what fine-tuning starts from
        _flip(out / name)
        with pytest.raises(CalicoError, match=r"--stage prc --overwrite"):
            run(config, source, out, stages=("finetune",), resume=True)
        (out / name).write_bytes(good[name])
    run(config, source, out, resume=True)
    assert files(out) == good


def test_the_note_of_another_stage_is_refused(frame: Frame, map_grid: Grid, tmp_path: Path) -> None:
    source, config = Street(frame, map_grid), config_of(tmp_path, "train.init=prc")
    run(config, source, tmp_path / "run")
    (tmp_path / "run/finetune/done").write_bytes((tmp_path / "run/prc/done").read_bytes())
    with pytest.raises(CalicoError, match="belongs to the stage prc, expected finetune"):
        run(config, source, tmp_path / "run", resume=True)


def test_another_stages_state_is_refused(frame: Frame, map_grid: Grid, tmp_path: Path) -> None:
    source, config = Street(frame, map_grid), config_of(tmp_path, "train.init=prc")
    run(config, source, tmp_path / "run")
    (tmp_path / "run/finetune/done").unlink()
    (tmp_path / "run/finetune/state.pt").write_bytes((tmp_path / "run/prc/state.pt").read_bytes())
    with pytest.raises(CalicoError, match="is of the stage 'prc', expected 'finetune'"):
        run(config, source, tmp_path / "run", resume=True)


def test_model_files_lost_in_a_kill_are_written_again_from_the_state(
    frame: Frame, map_grid: Grid, tmp_path: Path
) -> None:
    source, config = Street(frame, map_grid), config_of(tmp_path, "train.init=random")
    run(config, source, tmp_path / "run")
    good = files(tmp_path / "run")
    (tmp_path / "run/finetune/done").unlink()
    _cut(tmp_path / "run/finetune" / MODEL_FILE)
    run(config, source, tmp_path / "run", resume=True)
    assert files(tmp_path / "run") == good
