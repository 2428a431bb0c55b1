"""The training loop that all stages share. What a stage learns is its `Task`."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Generic

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LRScheduler
from torch.utils.data import DataLoader, Dataset, Sampler

from calico.data.source import FrameSource
from calico.device import training_precision, use_deterministic_algorithms
from calico.errors import CalicoError
from calico.seeds import derive_seed
from calico.train.done import DONE_FILE, check_done, mark_done
from calico.train.log import RunLog
from calico.train.restart import has_checkpoint
from calico.train.sampler import epoch_order
from calico.train.schedule import make_optimizer, make_scheduler
from calico.train.state import STATE_FILE, TrainingState, load_state, restore_state, save_state
from calico.train.task import BatchT, Loader, Plan, Task
from calico.workers import Failure, explain_dead_loader

Progress = Callable[[int, int, dict[str, float]], None]
"""Called with (step, total steps, loss terms) after every step."""


def train_task(
    task: Task[BatchT], source: FrameSource, out: Path, *, progress: Progress, resume: bool
) -> None:
    """Train a task and write all that the run leaves into a folder.

    The folder gets the task's model files, `state.pt`, `config.yaml`, `run.json`, `log.jsonl` and
    the note `done`.

    Args:
        task: What is learnt.
        source: Frames that the task's indices count.
        out: Folder of the stage, which exists.
        progress: Called after every step.
        resume: Continue from `state.pt`. On a CPU the result equals, byte for byte, that of a run
            that was never stopped.

    Raises:
        CalicoError: A loss or gradient is not finite, the run to resume is another one, or its
            files cannot be trusted.
    """
    plan, config, schedule = Plan.from_task(task), task.config, task.schedule
    # Without a checkpoint there is nothing that other options could contradict.
    resume = resume and has_checkpoint(out)
    device = next(task.parameters()).device
    optimizer = make_optimizer(task, schedule)
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
        step = restore_state(file, state, task.stored, optimizer, scheduler, checkpoints)
        task.save_files(out)  # a kill may have come between the model files and the state
    log.start_at(step)
    try:
        with use_deterministic_algorithms(device), explain_dead_loader(f"stage {task.name}"):
            stream = BatchStream(task, plan)
            while step < plan.total_steps:
                step = _train_epoch(task, plan, step, stream, optimizer, scheduler, log, progress)
                epoch, last = (step - 1) // plan.steps_per_epoch, step == plan.total_steps
                if last or (epoch + 1) % schedule.validate_every == 0:
                    log.write_validation(step, epoch, task.measure_quality())
                if last or (epoch + 1) % schedule.checkpoint_every == 0:
                    task.save_files(out)
                    save_state(file, _state_of(task, log.run, step, optimizer, scheduler))
    finally:
        log.close()
    mark_done(out, task.name, step)


def _train_epoch(
    task: Task[BatchT],
    plan: Plan,
    step: int,
    stream: BatchStream[BatchT],
    optimizer: torch.optim.Optimizer,
    scheduler: LRScheduler,
    log: RunLog,
    progress: Progress,
) -> int:
    """Train on the batches of one epoch.

    Return the number of steps done so far.
    """
    schedule, seed = task.schedule, task.config.seed
    trained = [parameter for parameter in task.parameters() if parameter.requires_grad]
    device = trained[0].device
    epoch = step // plan.steps_per_epoch
    task.train()
    for batch in stream.load_epoch(epoch):
        torch.manual_seed(derive_seed(seed, task.name, "step", step))
        with training_precision(task.config.precision, device):
            losses = task(batch.to(device))
        norm = _descend(
            losses["total"], trained, optimizer, schedule.grad_clip, f"step {step}", batch.tokens
        )
        scheduler.step()
        step += 1
        terms = {name: float(value.detach()) for name, value in losses.items()}
        rate = float(scheduler.get_last_lr()[0])
        log.write_step(step, epoch, {**terms, "grad_norm": norm, "lr": rate})
        progress(step, plan.total_steps, terms)
    return step


def _descend(
    loss: Tensor,
    parameters: list[nn.Parameter],
    optimizer: torch.optim.Optimizer,
    clip: float,
    what: str,
    tokens: Sequence[str],
) -> float:
    """Do one step of the optimiser.

    Return the gradient's norm before clipping.
    """
    if not torch.isfinite(loss):
        raise CalicoError(f"{what}: the loss is {loss.item()} on frames {tokens}")
    optimizer.zero_grad(set_to_none=True)
    torch.autograd.backward(loss)
    norm = float(torch.nn.utils.clip_grad_norm_(parameters, clip))
    if not math.isfinite(norm):
        raise CalicoError(f"{what}: the gradient's norm is {norm} on frames {tokens}")
    optimizer.step()
    return norm


def _state_of(
    task: Task[BatchT],
    run: str,
    step: int,
    optimizer: torch.optim.Optimizer,
    scheduler: LRScheduler,
) -> TrainingState:
    return TrainingState(
        task.name,
        run,
        step,
        optimizer.state_dict(),
        scheduler.state_dict(),
        task.stored.state_dict(),
    )


Key = tuple[int, list[int], list[int]]
"""Epoch, places of a batch's frames in the epoch, and the frames."""


class _Batches(Dataset[BatchT | Failure]):
    """The batches of a run, by their keys.

    It is pickled into worker processes once.
    """

    def __init__(self, loader: Loader[BatchT]) -> None:
        self.loader = loader

    def __getitem__(self, key: Key) -> BatchT | Failure:
        """Make a batch, or return the `Failure` to make it."""
        return Failure.catch(lambda: self.loader(*key))


class _Order(Sampler[Key]):
    """The keys of the epoch that comes next."""

    def __init__(self) -> None:
        self.keys: list[Key] = []

    def __iter__(self) -> Iterator[Key]:
        return iter(self.keys)

    def __len__(self) -> int:
        return len(self.keys)


class BatchStream(Generic[BatchT]):
    """The batches of a run, epoch by epoch, the same for every number of workers.

    Worker processes are started once and stay for all epochs.

    Args:
        task: What is trained. Its configuration sets the number of workers.
        plan: Step counts of the run.
    """

    def __init__(self, task: Task[BatchT], plan: Plan) -> None:
        self._task, self._plan, self._order = task, plan, _Order()
        workers = task.config.data.workers
        self._loader: DataLoader[BatchT | Failure] = DataLoader(
            _Batches(task.loader),
            batch_size=None,
            sampler=self._order,
            num_workers=workers,
            multiprocessing_context="spawn" if workers else None,
            persistent_workers=workers > 0,
        )

    def load_epoch(self, epoch: int) -> Iterator[BatchT]:
        """Yield the batches of an epoch, as the task's loader makes them.

        Args:
            epoch: Number of the epoch, from 0. Each epoch has an order of its own.

        Raises:
            CalicoError: A frame cannot be read. The error of a worker process is raised here.
        """
        task, size = self._task, self._task.schedule.batch_size
        order = epoch_order(task.frames, task.config.seed, epoch, max(task.epoch_length, size))
        self._order.keys = [
            (epoch, list(range(start, start + size)), order[start : start + size])
            for start in range(0, size * self._plan.steps_per_epoch, size)
        ]
        for batch in self._loader:
            if isinstance(batch, Failure):
                raise batch.error
            yield batch


def load_batches(task: Task[BatchT], plan: Plan, epoch: int) -> Iterator[BatchT]:
    """Yield the batches of a single epoch on the CPU, ready for the task.

    Args:
        task: What is trained. Its configuration sets the number of workers.
        plan: Step counts of the run.
        epoch: Number of the epoch, from 0.

    Raises:
        CalicoError: See `BatchStream.load_epoch`.
    """
    for batch in BatchStream(task, plan).load_epoch(epoch):
        yield batch.to("cpu")
