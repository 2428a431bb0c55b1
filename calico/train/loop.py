"""The training loop: one for every stage. What a stage learns is its `Task`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from calico.config.schema import Config
from calico.config.training import ScheduleConfig
from calico.data.source import FrameSource
from calico.device import training_precision, use_deterministic_algorithms
from calico.errors import CalicoError
from calico.seeds import derive_seed
from calico.train.done import DONE_FILE, check_done, mark_done
from calico.train.log import RunLog
from calico.train.restart import has_checkpoint
from calico.train.sampler import epoch_order
from calico.train.schedule import make_optimizer, make_scheduler
from calico.train.state import STATE_FILE, TrainingState, load_state, restore, save_state
from calico.workers import Failure, explain_dead_loader

Progress = Callable[[int, int, dict[str, float]], None]
"""Is told (step, total steps, loss terms) after every step."""


class Loader(Protocol):
    """Makes a batch of frames; pickled into worker processes."""

    def __call__(self, epoch: int, positions: Sequence[int], indices: Sequence[int]) -> Any:
        """The batch of frames `indices`, which stand at `positions` of the epoch. Has `to(device)` and `tokens`."""
        ...


class Task(Protocol):
    """What a stage of training learns.

    name: of the stage. config: what the run depends on. frames: indices it draws from. epoch_length: frames per epoch.
    """

    name: str
    config: Config
    frames: list[int]
    epoch_length: int

    @property
    def schedule(self) -> ScheduleConfig:
        """How it is optimised."""
        ...

    @property
    def module(self) -> nn.Module:
        """All that the training state must keep."""
        ...

    @property
    def loader(self) -> Loader:
        """Makes its batches."""
        ...

    def losses(self, batch: Any) -> dict[str, Tensor]:
        """Loss terms by name, `total` among them; in training mode."""
        ...

    def measure(self) -> dict[str, float | None]:
        """Validation or diagnostics, logged; never fed back."""
        ...

    def save(self, folder: Path) -> None:
        """Writes the stage's model files, atomically."""
        ...


@dataclass(frozen=True)
class Plan:
    """Step counts of a run, fixed before its first step."""

    steps_per_epoch: int
    total_steps: int

    @staticmethod
    def of(task: Task) -> Plan:
        """At least one step per epoch."""
        if not task.frames:
            raise CalicoError(f"stage {task.name}: no frames to train on")
        steps = max(1, task.epoch_length // task.schedule.batch_size)
        return Plan(steps, steps * task.schedule.epochs)


def fit(task: Task, source: FrameSource, out: Path, *, progress: Progress, resume: bool) -> None:
    """Trains a task and leaves its model files, `state.pt`, `config.yaml`, `run.json` and `log.jsonl` in a folder.

    Args:
        out: the stage's folder; there.
        resume: go on from `state.pt`; on a CPU the result is the same, byte for byte, as that of a run never stopped.

    Raises:
        CalicoError: a loss or gradient that is not finite, a run to resume that is another one, or one whose files cannot be
            trusted.
    """
    plan, config, schedule, module = Plan.of(task), task.config, task.schedule, task.module
    resume = resume and has_checkpoint(
        out
    )  # before the first one there is nothing that options could contradict
    device = next(module.parameters()).device
    optimizer = make_optimizer(module, schedule)
    scheduler = make_scheduler(optimizer, schedule, plan.total_steps)
    log = RunLog(out, config, source, task.name, task.frames, plan.total_steps, resume=resume)
    if resume and (out / DONE_FILE).exists():
        check_done(out, task.name)
        return
    (out / DONE_FILE).unlink(missing_ok=True)
    step, file = 0, out / STATE_FILE
    if resume and file.exists():
        state = load_state(file, task.name, log.run)
        checkpoints = range(plan.steps_per_epoch, plan.total_steps + 1, plan.steps_per_epoch)
        step = restore(file, state, module, optimizer, scheduler, checkpoints)
        task.save(out)  # a kill may have come between the model files and the state
    log.start(step)
    try:
        with use_deterministic_algorithms(device), explain_dead_loader(f"stage {task.name}"):
            while step < plan.total_steps:
                step = _epoch(task, plan, step, optimizer, scheduler, log, progress)
                epoch, last = (step - 1) // plan.steps_per_epoch, step == plan.total_steps
                if last or (epoch + 1) % schedule.validate_every == 0:
                    log.validation(step, epoch, task.measure())
                if last or (epoch + 1) % schedule.checkpoint_every == 0:
                    task.save(out)
                    state = TrainingState(
                        task.name,
                        log.run,
                        step,
                        optimizer.state_dict(),
                        scheduler.state_dict(),
                        module.state_dict(),
                    )
                    save_state(file, state)
    finally:
        log.close()
    mark_done(out, task.name, step)


def _epoch(
    task: Task,
    plan: Plan,
    step: int,
    optimizer: torch.optim.Optimizer,
    scheduler: torch.optim.lr_scheduler.LRScheduler,
    log: RunLog,
    progress: Progress,
) -> int:
    """One pass over the batches of an epoch; the number of steps done so far."""
    schedule, seed = task.schedule, task.config.seed
    trained = [parameter for parameter in task.module.parameters() if parameter.requires_grad]
    device = trained[0].device
    epoch = step // plan.steps_per_epoch
    for batch in batches(task, plan, epoch):
        torch.manual_seed(derive_seed(seed, task.name, "step", step))
        with training_precision(task.config.precision, device):
            losses = task.losses(batch.to(device))
        norm = _descend(
            losses["total"], trained, optimizer, schedule.grad_clip, f"step {step}", batch.tokens
        )
        scheduler.step()
        step += 1
        terms = {name: float(value.detach()) for name, value in losses.items()}
        log.step(step, epoch, {**terms, "grad_norm": norm, "lr": float(scheduler.get_last_lr()[0])})
        progress(step, plan.total_steps, terms)
    return step


def _descend(
    loss: Tensor,
    parameters: list[nn.Parameter],
    optimizer: torch.optim.Optimizer,
    clip: float,
    what: str,
    tokens: Any,
) -> float:
    """One step of the optimiser; the gradient's norm before clipping."""
    if not torch.isfinite(loss):
        raise CalicoError(f"{what}: the loss is {loss.item()} on frames {tokens}")
    optimizer.zero_grad(set_to_none=True)
    torch.autograd.backward(loss)
    norm = float(torch.nn.utils.clip_grad_norm_(parameters, clip))
    if not torch.isfinite(torch.tensor(norm)):
        raise CalicoError(f"{what}: the gradient's norm is {norm} on frames {tokens}")
    optimizer.step()
    return norm


class _EpochData(Dataset[Any]):
    """The batches of one epoch, by number; picklable into worker processes."""

    def __init__(self, task: Task, plan: Plan, epoch: int) -> None:
        size = task.schedule.batch_size
        order = epoch_order(task.frames, task.config.seed, epoch, max(task.epoch_length, size))
        starts = [k * size for k in range(plan.steps_per_epoch)]
        self.groups = [
            (list(range(start, start + size)), order[start : start + size]) for start in starts
        ]
        self.loader, self.epoch = task.loader, epoch

    def __len__(self) -> int:
        return len(self.groups)

    def __getitem__(self, number: int) -> Any:
        """A batch, or the `Failure` to make it."""
        positions, indices = self.groups[number]
        return Failure.catch(lambda: self.loader(self.epoch, positions, indices))


def batches(task: Task, plan: Plan, epoch: int) -> Iterator[Any]:
    """The batches of an epoch; the same whatever the number of workers. An error in a worker is raised as it is here."""
    data = _EpochData(task, plan, epoch)
    workers = task.config.data.workers
    context = "spawn" if workers else None
    for batch in DataLoader(
        data, batch_size=None, num_workers=workers, multiprocessing_context=context
    ):
        if isinstance(batch, Failure):
            raise batch.error
        yield batch
