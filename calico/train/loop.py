"""The training loop."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch.utils.data import DataLoader, Dataset

from calico.config.load import to_yaml
from calico.config.schema import Config
from calico.data.augment import augment
from calico.data.batch import Batch, collate
from calico.data.source import FrameSource
from calico.device import deterministic, pick_device
from calico.errors import CalicoError
from calico.files import RUN_FILE, write_atomic
from calico.models.calico import CalicoModel, build_model
from calico.seeds import derive, generator
from calico.train.checkpoint import MODEL_FILE, STATE_FILE, TrainingState, load_state, save_model, save_state
from calico.train.sampler import balanced_frames, epoch_order, label_subset
from calico.train.schedule import make_optimizer, make_scheduler

Validate = Callable[[CalicoModel, Config], dict[str, float | None]]
Progress = Callable[[int, int, dict[str, float]], None]


@dataclass(frozen=True)
class Plan:
    """What a run will do, fixed before its first step."""

    frames: list[int]
    steps_per_epoch: int
    total_steps: int


def train(
    config: Config, source: FrameSource, out: Path, *, validate: Validate, progress: Progress, resume: bool = False
) -> CalicoModel:
    """Trains a model and leaves `model.safetensors`, `state.pt`, `config.yaml`, `run.json` and `log.jsonl` in a folder.

    Args:
        config: the resolved configuration.
        source: training frames.
        out: the run's folder, made by `files.prepare_folder`.
        validate: scores the model; called every `train.validate_every` epochs and after the last.
        progress: is told (step, total steps, loss terms) after every step.
        resume: go on from `state.pt`; on a CPU the result is the same, byte for byte, as that of a run never stopped.
    """
    plan = make_plan(config, source)
    device = pick_device(config.device)
    model = build_model(config, seed=derive(config.seed, "weights")).to(device)
    optimizer = make_optimizer(model, config.train)
    scheduler = make_scheduler(optimizer, config.train, plan.total_steps)
    log = RunLog(out, config, plan, source, resume=resume)
    step = 0
    if resume and (out / STATE_FILE).exists():
        state = load_state(out / STATE_FILE)
        model.load_state_dict(state.weights)
        optimizer.load_state_dict(state.optimizer)
        scheduler.load_state_dict(state.scheduler)
        step = state.step
    log.rewind(step)
    with deterministic(device):
        while step < plan.total_steps:
            epoch, first = divmod(step, plan.steps_per_epoch)
            model.train()
            for batch in batches(config, source, plan, epoch, first):
                torch.manual_seed(derive(config.seed, "step", step))
                with torch.autocast("cuda", torch.bfloat16, enabled=config.train.amp and device.type == "cuda"):
                    batch_on_device = batch.to(device)
                    losses = model.loss(model(batch_on_device), batch_on_device)
                if not torch.isfinite(losses["total"]):
                    raise CalicoError(f"step {step}: the loss is {losses['total'].item()} on frames {batch.tokens}")
                optimizer.zero_grad(set_to_none=True)
                torch.autograd.backward(losses["total"])
                norm = torch.nn.utils.clip_grad_norm_(model.parameters(), config.train.grad_clip)
                if not torch.isfinite(norm):
                    raise CalicoError(f"step {step}: the gradient's norm is {float(norm)} on frames {batch.tokens}")
                optimizer.step()
                scheduler.step()
                step += 1
                terms = {name: float(value.detach()) for name, value in losses.items()}
                log.step(step, epoch, {**terms, "grad_norm": float(norm), "lr": float(scheduler.get_last_lr()[0])})
                progress(step, plan.total_steps, terms)
            last = step == plan.total_steps
            if last or (epoch + 1) % config.train.validate_every == 0:
                log.validation(step, epoch, validate(model.eval(), config))
            if last or (epoch + 1) % config.train.checkpoint_every == 0:
                save_model(out / MODEL_FILE, model, config)
                weights = {name: value.detach().cpu() for name, value in model.state_dict().items()}
                save_state(
                    out / STATE_FILE, TrainingState(step, optimizer.state_dict(), scheduler.state_dict(), weights)
                )
    log.close()
    return model.eval()


def make_plan(config: Config, source: FrameSource) -> Plan:
    """Frames and step counts of a run."""
    if len(source) == 0:
        raise CalicoError(f"data {source.name}: no frames to train on")
    frames = label_subset(source, config.train.label_fraction, config.seed)
    if config.train.class_balanced:
        frames = balanced_frames(source, frames)
    steps = max(1, len(frames) // config.train.batch_size)
    return Plan(frames, steps, steps * config.train.epochs)


class _EpochData(Dataset[list[int]]):
    """The batches of one epoch, by number; picklable into worker processes."""

    def __init__(self, config: Config, source: FrameSource, plan: Plan, epoch: int, first: int) -> None:
        order = epoch_order(plan.frames, config.seed, epoch)
        size = config.train.batch_size
        self.groups = [order[k * size : (k + 1) * size] for k in range(first, plan.steps_per_epoch)]
        self.config, self.source, self.epoch = config, source, epoch
        camera, alone = config.model.camera, config.model.camera is None or config.model.lidar is None
        self.image_size = camera.image_size if camera else None
        # A model of one sensor has none to spare.
        self.augment = config.augment.model_copy(update={"sensor_dropout": 0.0}) if alone else config.augment

    def __len__(self) -> int:
        return len(self.groups)

    def __getitem__(self, number: int) -> Batch:  # type: ignore[override]
        frames = []
        for position, index in enumerate(self.groups[number]):
            rng = generator(self.config.seed, "augment", self.epoch, self.source.info(index).token, position)
            frames.append(augment(self.source[index], self.augment, self.source.map_grid, rng, self.image_size))
        return collate(frames)


def batches(config: Config, source: FrameSource, plan: Plan, epoch: int, first: int) -> Iterator[Batch]:
    """The augmented batches of an epoch from number `first` on; the same whatever the number of workers."""
    data = _EpochData(config, source, plan, epoch, first)
    workers = config.data.workers
    context = "spawn" if workers else None
    yield from DataLoader(data, batch_size=None, num_workers=workers, multiprocessing_context=context)


class RunLog:
    """`run.json`, `config.yaml`, `log.jsonl` (no wall times: same run, same bytes) and TensorBoard (with them)."""

    def __init__(self, out: Path, config: Config, plan: Plan, source: FrameSource, *, resume: bool) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self.path = out / "log.jsonl"
        self.board = SummaryWriter(str(out / "tensorboard"))
        self.start = time.monotonic()
        text = to_yaml(config)
        if resume and (out / "config.yaml").exists() and (out / "config.yaml").read_text(encoding="utf-8") != text:
            raise CalicoError(
                f"{out}: the configuration differs from that of the run to resume ({out / 'config.yaml'}); "
                "resume with the same options, or use --overwrite"
            )
        run = {
            "kind": "train",
            "data": source.name,
            "data_hash": source.content_hash(),
            "frames": sorted({source.info(index).token for index in plan.frames}),
            "seed": config.seed,
            "steps": plan.total_steps,
            "threads": torch.get_num_threads(),
            "torch": torch.__version__,
        }
        before = (
            json.loads((out / RUN_FILE).read_text(encoding="utf-8")) if resume and (out / RUN_FILE).exists() else run
        )
        changed = sorted(key for key in ("data_hash", "frames", "steps", "torch") if before.get(key) != run[key])
        if changed:
            raise CalicoError(
                f"{out}: {', '.join(changed)} differ from those of the run to resume; start again with --overwrite"
            )
        write_atomic(out / RUN_FILE, json.dumps(run, indent=1, sort_keys=True) + "\n")
        write_atomic(out / "config.yaml", text)

    def rewind(self, step: int) -> None:
        """Forgets what a killed run logged after its last checkpoint."""
        lines = self.path.read_text(encoding="utf-8").splitlines() if self.path.exists() else []
        kept = [line for line in lines if _step_of(line) <= step]
        write_atomic(self.path, "".join(line + "\n" for line in kept))

    def step(self, step: int, epoch: int, values: dict[str, float]) -> None:
        """One training step."""
        self._write({"step": step, "epoch": epoch, **values})
        for name, value in values.items():
            self.board.add_scalar(f"train/{name}", value, step)

    def validation(self, step: int, epoch: int, metrics: dict[str, float | None]) -> None:
        """One validation."""
        self._write({"step": step, "epoch": epoch, "validation": metrics})
        for name, value in metrics.items():
            if value is not None:
                self.board.add_scalar(f"val/{name}", value, step)

    def close(self) -> None:
        """Flushes TensorBoard."""
        self.board.close()

    def _write(self, record: dict[str, object]) -> None:
        with self.path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(record) + "\n")


def _step_of(line: str) -> float:
    try:
        return float(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return float("inf")  # a line cut by the kill
