import json
import os
import signal
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from calico.config.load import load_config
from calico.config.schema import Config
from calico.data.batch import Batch
from calico.data.source import FrameInfo
from calico.errors import CalicoError
from calico.files import prepare_folder
from calico.frame import Frame, Int64
from calico.geometry.grid import Grid
from calico.losses.supervised import compute_losses
from calico.models.calico import CalicoModel, build_model
from calico.seeds import derive_seed
from calico.taxonomy import NUSCENES
from calico.train.checkpoint import MODEL_FILE, load_model
from calico.train.finetune import Adversary, Finetune
from calico.train.loop import BatchStream, load_batches, train_task
from calico.train.stages import run_stage
from calico.train.state import STATE_FILE
from calico.train.task import Plan
from tests.mini import MINI as SMALL

MINI = [*SMALL, "train={epochs: 3, batch_size: 2, validate_every: 2, init: random}"]


class Repeated:
    """One hand-built frame under several tokens."""

    name = "hand"
    cameras = ("front", "back")
    taxonomy = NUSCENES

    def __init__(self, frame: Frame, map_grid: Grid, count: int) -> None:
        self.frames = [
            frame.replace(token=f"hand-{i}", points=frame.points * (1 + 0.01 * i))
            for i in range(count)
        ]
        self.map_grid = map_grid

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, index: int) -> Frame:
        return self.frames[index]

    def info(self, index: int) -> FrameInfo:
        return FrameInfo(self.frames[index].token, "hand")

    def labels(self, index: int) -> Int64:
        return self.frames[index].boxes.labels

    def content_hash(self) -> str:
        return "hand"


def quiet(done: int, total: int, values: Mapping[str, float]) -> None:
    assert 0 < done <= total
    assert values["total"] >= 0


def score(model: CalicoModel, config: Config) -> dict[str, float | None]:
    assert not model.training
    return {
        "probe": float(sum(p.detach().double().sum() for p in model.parameters())),
        "undefined": None,
    }


def run(
    config: Config,
    source: Repeated,
    out: Path,
    *,
    resume: bool = False,
    stop_at: int | None = None,
    adversary: Adversary | None = None,
) -> dict[str, bytes]:
    def progress(done: int, total: int, values: Mapping[str, float]) -> None:
        if done == stop_at:
            raise KeyboardInterrupt

    prepare_folder(out, resume=resume, overwrite=False)
    bar = progress if stop_at else quiet
    run_stage(
        "finetune",
        config,
        source,
        out,
        None,
        score,
        bar,
        say=print,
        resume=resume,
        adversary=adversary,
    )
    return {
        name: (out / name).read_bytes()
        for name in (MODEL_FILE, STATE_FILE, "log.jsonl", "config.yaml", "run.json", "done")
    }


def task_of(config: Config, source: Repeated) -> Finetune:
    return Finetune(config, source, build_model(config, 0), score)


@pytest.fixture
def source(frame: Frame, map_grid: Grid) -> Repeated:
    return Repeated(frame, map_grid, 5)


@pytest.mark.parametrize("stop_at", [1, 3, 4, 5])
def test_a_killed_and_resumed_run_ends_with_the_same_bytes(
    source: Repeated, tmp_path: Path, stop_at: int
) -> None:
    config = load_config("tiny", None, MINI)
    whole = run(config, source, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        run(config, source, tmp_path / "cut", stop_at=stop_at)
    assert run(config, source, tmp_path / "cut", resume=True) == whole
    assert (
        run(config, source, tmp_path / "cut", resume=True) == whole
    )  # resuming a finished run changes nothing
    log = [json.loads(line) for line in whole["log.jsonl"].decode().splitlines()]
    assert [r["step"] for r in log if "total" in r] == [1, 2, 3, 4, 5, 6]
    assert [r["step"] for r in log if "validation" in r] == [4, 6]


def test_an_adversary_sees_every_batch_and_a_resumed_run_ends_with_the_same_bytes(
    source: Repeated, tmp_path: Path
) -> None:
    config = load_config("tiny", None, [*MINI, "train.adversarial={share: 1.0, steps: 1}"])
    seen: list[tuple[str, ...]] = []

    def adversary(model: CalicoModel, batch: Batch) -> Batch:
        assert model.training
        seen.append(batch.tokens)
        return replace(batch, points=batch.points + 0.1 * torch.rand(batch.points.shape))

    plain = run(load_config("tiny", None, MINI), source, tmp_path / "plain")
    whole = run(config, source, tmp_path / "whole", adversary=adversary)
    assert len(seen) == 6
    assert whole[MODEL_FILE] != plain[MODEL_FILE]
    with pytest.raises(KeyboardInterrupt):
        run(config, source, tmp_path / "cut", stop_at=3, adversary=adversary)
    assert run(config, source, tmp_path / "cut", resume=True, adversary=adversary) == whole


def test_every_epoch_has_an_order_of_its_own(source: Repeated, tmp_path: Path) -> None:
    """What a run is given, by what its adversary is shown: each epoch its own order and its own
    augmentation."""
    config = load_config(
        "tiny",
        None,
        [
            *MINI,
            "train={epochs: 4, batch_size: 1, adversarial: {share: 1.0, steps: 1}, init: random}",
        ],
    )
    seen: list[Batch] = []
    drawn: list[float] = []

    def adversary(model: CalicoModel, batch: Batch) -> Batch:
        seen.append(batch)
        drawn.append(torch.rand(1).item())
        return batch

    run(config, source, tmp_path / "run", adversary=adversary)
    tokens = [batch.tokens[0] for batch in seen]
    epochs = [tuple(tokens[start : start + 5]) for start in range(0, 20, 5)]
    everything = [f"hand-{index}" for index in range(5)]
    assert [sorted(epoch) for epoch in epochs] == [everything] * 4
    assert len(set(epochs)) == 4
    augmented = [batch.points for batch in seen if batch.tokens == ("hand-0",)]
    assert len(augmented) == 4
    assert not any(torch.equal(augmented[0], other) for other in augmented[1:])
    assert len(set(drawn)) == 20  # every step has random numbers of its own


def test_every_step_is_clipped_to_the_norm_of_the_configuration(
    source: Repeated, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    norms: list[float] = []
    step = torch.optim.AdamW.step

    def spy(optimizer: torch.optim.AdamW) -> object:
        gradients = [
            p.grad
            for group in optimizer.param_groups
            for p in group["params"]
            if p.grad is not None
        ]
        norms.append(float(torch.cat([gradient.flatten() for gradient in gradients]).norm()))
        return step(optimizer)

    monkeypatch.setattr(torch.optim.AdamW, "step", spy)
    run(
        load_config("tiny", None, [*MINI, "train.epochs=1", "train.grad_clip=0.01"]),
        source,
        tmp_path / "run",
    )
    assert norms == pytest.approx([0.01, 0.01], rel=1e-3)
    log = [json.loads(line) for line in (tmp_path / "run/log.jsonl").read_text().splitlines()]
    assert all(
        record["grad_norm"] > 0.1 for record in log if "grad_norm" in record
    )  # as it was before


def test_adversarial_training_without_an_adversary_is_refused(source: Repeated) -> None:
    with pytest.raises(CalicoError, match=r"train\.adversarial is set, but there is no adversary"):
        task_of(load_config("tiny", None, [*MINI, "train.adversarial={}"]), source)


def test_another_seed_gives_other_weights(source: Repeated, tmp_path: Path) -> None:
    short = [*MINI, "train.epochs=1"]
    first = run(load_config("tiny", None, short), source, tmp_path / "a")
    second = run(load_config("tiny", None, [*short, "seed=1"]), source, tmp_path / "b")
    assert first[MODEL_FILE] != second[MODEL_FILE]


def test_the_loss_falls_and_the_file_loads(source: Repeated, tmp_path: Path) -> None:
    config = load_config("tiny", None, [*MINI, "train.epochs=30", "train.learning_rate=0.01"])
    run(config, source, tmp_path / "run")
    log = [json.loads(line) for line in (tmp_path / "run/log.jsonl").read_text().splitlines()]
    losses = [r["total"] for r in log if "total" in r]
    assert sum(losses[-5:]) < 0.5 * sum(losses[:5])
    model, loaded = load_model(tmp_path / "run")
    assert loaded.model == config.model
    again = torch.load(tmp_path / "run" / STATE_FILE, weights_only=True)["weights"]
    assert all(torch.equal(value, again[name]) for name, value in model.state_dict().items())


def test_workers_do_not_change_the_batches(source: Repeated) -> None:
    config = load_config("tiny", None, MINI)
    task = task_of(config, source)
    alone = list(load_batches(task, Plan.from_task(task), 1))
    in_workers = task_of(load_config("tiny", None, [*MINI, "data.workers=2"]), source)
    for a, b in zip(alone, load_batches(in_workers, Plan.from_task(task), 1), strict=True):
        assert a.tokens == b.tokens
        assert torch.equal(a.points, b.points)
        assert torch.equal(a.images, b.images)
        for mine, theirs in zip(a.targets, b.targets, strict=True):
            assert torch.equal(mine.heatmap, theirs.heatmap)
            assert torch.equal(mine.terms.nan_to_num(9.0), theirs.terms.nan_to_num(9.0))


class ProcessLoader:
    """Makes batches that say which process made them, of which frames."""

    def __call__(
        self, epoch: int, positions: Sequence[int], indices: Sequence[int]
    ) -> tuple[int, int, list[int], list[int]]:
        return os.getpid(), epoch, list(positions), list(indices)


def test_workers_stay_for_all_epochs(source: Repeated) -> None:
    task: Any = task_of(load_config("tiny", None, [*MINI, "data.workers=1"]), source)
    task.loader = ProcessLoader()
    plan = Plan.from_task(task)
    stream = BatchStream(task, plan)
    batches = [list(stream.load_epoch(epoch)) for epoch in range(3)]
    processes = {batch[0] for epoch in batches for batch in epoch}
    assert len(processes) == 1
    assert os.getpid() not in processes
    task.config = task_of(load_config("tiny", None, MINI), source).config
    alone = BatchStream(task, plan)
    for epoch in (2, 0, 1):
        expected = list(alone.load_epoch(epoch))
        assert [batch[1:] for batch in batches[epoch]] == [batch[1:] for batch in expected]
        assert {batch[0] for batch in expected} == {os.getpid()}
        assert {batch[1] for batch in expected} == {epoch}


def test_the_loader_leaves_images_as_bytes_and_makes_the_targets(source: Repeated) -> None:
    task = task_of(load_config("tiny", None, MINI), source)
    raw = next(BatchStream(task, Plan.from_task(task)).load_epoch(0))
    assert raw.images.dtype == torch.uint8
    assert len(raw.targets) == len(task.config.model.detection.tasks)
    assert sum(int((target.heatmap == 1).sum()) for target in raw.targets) > 0


def test_resume_with_other_options_is_refused(source: Repeated, tmp_path: Path) -> None:
    run(load_config("tiny", None, [*MINI, "train.epochs=1"]), source, tmp_path / "run")
    other = load_config("tiny", None, [*MINI, "train.epochs=1", "train.learning_rate=0.5"])
    with pytest.raises(
        CalicoError,
        match=r"differs from that of the run there \(train\.learning_rate was .*, is 0\.5\)",
    ):
        run(other, source, tmp_path / "run", resume=True)


def test_before_the_first_checkpoint_other_options_are_taken(
    source: Repeated, tmp_path: Path
) -> None:
    """The way on of a training that failed at its first batch: the corrected command with
    --resume."""
    with pytest.raises(KeyboardInterrupt):
        run(load_config("tiny", None, MINI), source, tmp_path / "run", stop_at=1)
    other = load_config("tiny", None, [*MINI, "train.learning_rate=0.002"])
    run(other, source, tmp_path / "run", resume=True)
    run(other, source, tmp_path / "fresh")
    for name in (MODEL_FILE, "config.yaml", "run.json", "log.jsonl"):
        assert (tmp_path / "run" / name).read_bytes() == (tmp_path / "fresh" / name).read_bytes(), (
            name
        )


def test_few_labels_take_as_many_steps_and_every_labelled_frame_comes_up(source: Repeated) -> None:
    whole = task_of(load_config("tiny", None, MINI), source)
    few = task_of(load_config("tiny", None, [*MINI, "train.label_fraction=0.4"]), source)
    assert Plan.from_task(few) == Plan.from_task(whole) == Plan(2, 6)
    assert len(few.frames) == 2
    seen = [token for batch in load_batches(few, Plan.from_task(few), 0) for token in batch.tokens]
    assert {token: seen.count(token) for token in seen} == {
        source.info(index).token: 2 for index in few.frames
    }
    twice = [batch.points for batch in load_batches(few, Plan.from_task(few), 0)]
    assert not torch.equal(twice[0], twice[1])  # the same frames, augmented anew


def test_an_exploding_loss_names_step_and_frames(source: Repeated, tmp_path: Path) -> None:
    config = load_config("tiny", None, MINI)
    wild = config.train.model_copy(
        update={"learning_rate": 1e30, "grad_clip": 1e30}
    )  # past what may be set
    with pytest.raises(CalicoError, match=r"the loss is .* on frames \('hand-"):
        run(config.model_copy(update={"train": wild}), source, tmp_path / "r")


def test_resume_on_other_data_is_refused(source: Repeated, tmp_path: Path) -> None:
    config = load_config("tiny", None, [*MINI, "train.epochs=1"])
    run(config, source, tmp_path / "run")
    source.content_hash = lambda: "other"  # type: ignore[method-assign]
    with pytest.raises(CalicoError, match="data_hash differ"):
        run(config, source, tmp_path / "run", resume=True)


def test_a_model_of_one_sensor_never_loses_it(source: Repeated) -> None:
    blank = [*MINI, "augment.sensor_dropout=1"]
    both, alone = (
        load_config("tiny", None, blank),
        load_config("tiny", None, [*blank, "model.lidar=null"]),
    )
    for config, lost in ((both, True), (alone, False)):
        task = task_of(config, source)
        found = list(load_batches(task, Plan.from_task(task), 0))
        dark = [not bool(image.any()) for batch in found for image in batch.images]
        assert any(dark) == lost


class Faulty(Repeated):
    """The third frame is broken, or ends the process that loads it."""

    deadly = False

    def __getitem__(self, index: int) -> Frame:
        if index == 2 and self.deadly:
            os.kill(os.getpid(), signal.SIGKILL)
        if index == 2:
            raise CalicoError("file x.jpg: broken")
        return super().__getitem__(index)


@pytest.mark.parametrize("workers", [0, 1])
def test_broken_data_are_told_alike_here_and_in_a_worker(
    frame: Frame, map_grid: Grid, tmp_path: Path, workers: int
) -> None:
    config = load_config("tiny", None, [*MINI, f"data.workers={workers}"])
    with pytest.raises(CalicoError) as error:
        run(config, Faulty(frame, map_grid, 4), tmp_path / "run")
    assert str(error.value) == "file x.jpg: broken"


def test_a_loader_process_that_is_killed_is_told_with_the_way_on(
    frame: Frame, map_grid: Grid, tmp_path: Path
) -> None:
    config = load_config("tiny", None, [*MINI, "data.workers=1"])
    source = Faulty(frame, map_grid, 4)
    source.deadly = True
    with pytest.raises(
        CalicoError, match=r"^stage finetune: a loader process died \(pid .*--resume goes on from"
    ) as error:
        run(config, source, tmp_path / "run")
    assert "\n" not in str(error.value)


def test_the_losses_are_those_of_a_loop_written_out(source: Repeated, tmp_path: Path) -> None:
    """Six steps, the same to the last bit, by calling network and losses one after the other."""
    config = load_config("tiny", None, [*MINI, "train.validate_every=1"])
    run(config, source, tmp_path / "run")
    lines = (tmp_path / "run/log.jsonl").read_text().splitlines()
    logged = [r for r in map(json.loads, lines) if "total" in r]

    task = Finetune(config, source, build_model(config, derive_seed(config.seed, "weights")), score)
    model, schedule = task.model, config.train
    matrices = [p for p in model.parameters() if p.ndim > 1]
    vectors = [p for p in model.parameters() if p.ndim <= 1]
    groups = [{"params": matrices}, {"params": vectors, "weight_decay": 0.0}]
    peak = schedule.learning_rate
    optimizer = torch.optim.AdamW(
        groups, lr=peak / 10, betas=(0.9, 0.99), weight_decay=schedule.weight_decay
    )
    cycle = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, peak, 6, pct_start=0.4, div_factor=10, final_div_factor=1e3, cycle_momentum=False
    )
    batches = [b for epoch in range(3) for b in load_batches(task, Plan(2, 6), epoch)]
    for step, batch in enumerate(batches):
        model.train()
        torch.manual_seed(derive_seed(config.seed, "finetune", "step", step))
        losses = compute_losses(model, model(batch), batch)
        optimizer.zero_grad()
        losses["total"].backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), schedule.grad_clip)
        optimizer.step()
        cycle.step()
        expected = {name: value.item() for name, value in losses.items()}
        expected |= {"grad_norm": norm.item(), "lr": cycle.get_last_lr()[0]}
        assert {name: logged[step][name] for name in expected} == expected
    assert len(batches) == len(logged) == 6


def test_the_loop_calls_the_task_and_nothing_inside_it(source: Repeated, tmp_path: Path) -> None:
    """What wraps a module's forward, as data-parallel training does, sees every step."""
    config = load_config("tiny", None, MINI)
    task = task_of(config, source)
    seen: list[tuple[str, ...]] = []
    task.register_forward_pre_hook(lambda _, arguments: seen.append(arguments[0].tokens))
    prepare_folder(tmp_path / "run", resume=False, overwrite=False)
    train_task(task, source, tmp_path / "run", progress=quiet, resume=False)
    expected = [b.tokens for epoch in range(3) for b in load_batches(task, Plan(2, 6), epoch)]
    assert seen == expected
