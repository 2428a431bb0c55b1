"""Two files: the model (safetensors, to ship) and the training state (to resume).

`model.safetensors` holds the weights and, as metadata, all that is needed to run them: architecture, classes, grid and
preprocessing, as the configuration without machine paths. `state.pt` holds optimiser, scheduler and position; it is read with
`weights_only=True`.
"""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import nn

from calico import __version__
from calico.config.load import portable_config
from calico.config.schema import Config
from calico.errors import CalicoError
from calico.files import write_atomic
from calico.models.calico import CalicoModel, build_model

MODEL_FILE = "model.safetensors"
STATE_FILE = "state.pt"
LOG_FILE, DONE_FILE = "log.jsonl", "done"
"""In a stage's folder from its first step on, and once its last one is saved."""
FORMAT = "calico-model-1"
METADATA_KEY = "calico"


@dataclass(frozen=True)
class TrainingState:
    """Where a run stands. Random streams are functions of (seed, step), so that the position is all their state."""

    step: int
    optimizer: dict[str, Any]
    scheduler: dict[str, Any]
    weights: dict[str, torch.Tensor]


def save_model(path: Path, model: CalicoModel, config: Config) -> str:
    """Writes the weights with their metadata, atomically; returns the file's sha256."""
    card = {"format": FORMAT, "calico_version": __version__, "config": portable_config(config).model_dump(mode="json")}
    metadata = {METADATA_KEY: json.dumps(card)}  # one key: safetensors writes several in a random order
    tensors = {name: value.detach().cpu().contiguous() for name, value in model.state_dict().items()}
    content = save(tensors, metadata=metadata)
    write_atomic(path, content)
    return hashlib.sha256(content).hexdigest()


def load_model(path: Path, device: str = "cpu") -> tuple[CalicoModel, Config]:
    """A model in evaluation mode from `model.safetensors` or from the run folder that holds it.

    Raises:
        CalicoError: no such file, the folder of an unfinished training, not a CALICO model, or weights that do not fit their own
            metadata.
    """
    file = path / MODEL_FILE if path.is_dir() else path
    if path.is_dir():
        _check_finished(path)
    config = read_model_config(file)
    model = build_model(config, seed=0)
    try:
        with safe_open(str(file), framework="pt", device="cpu") as handle:
            weights = {name: handle.get_tensor(name) for name in handle.keys()}  # noqa: SIM118 (not a mapping)
        model.load_state_dict(weights)
    except (SafetensorError, RuntimeError) as error:
        raise CalicoError(
            f"model file {file}: the weights do not fit the architecture in its metadata ({error})"
        ) from error
    return model.eval().to(device), config


def save_weights(path: Path, module: nn.Module) -> None:
    """The bare weights of a part, atomically."""
    write_atomic(path, save({name: value.detach().cpu().contiguous() for name, value in module.state_dict().items()}))


def load_weights(path: Path, module: nn.Module) -> None:
    """Weights of `save_weights`; raises CalicoError where the file is missing or does not fit."""
    if not path.is_file():
        raise CalicoError(f"weights {path}: not found; run the stage that writes it first")
    try:
        module.load_state_dict(load_file(path))
    except (SafetensorError, RuntimeError) as error:
        raise CalicoError(f"weights {path}: do not fit this configuration ({error})") from error


def load_init(model: CalicoModel, path: Path) -> tuple[int, int]:
    """Copies every weight of a model file that has a namesake of the same shape here (a fused model can start from a LiDAR-only
    one, and the other way round).

    Returns:
        How many of the model's weight tensors (of more than one dimension) were taken, and how many it has.

    Raises:
        CalicoError: not a model file, or nothing fits of a branch or trunk that both have.
    """
    other, _ = load_model(path)
    own, theirs = model.state_dict(), other.state_dict()
    fitting = {n: value for n, value in theirs.items() if n in own and own[n].shape == value.shape}
    weights = [name for name, value in own.items() if value.ndim > 1]
    taken = [name for name in weights if name in fitting]
    for part in ("lidar", "camera", "backbone"):
        here, there = (any(n.startswith(f"{part}.") for n in names) for names in (own, theirs))
        if here and there and not any(n.startswith(f"{part}.") for n in taken):
            raise CalicoError(
                f"init {path}: no weight of its {part} fits this model; expected the same widths (model.*)"
            )
    model.load_state_dict({**own, **fitting})
    return len(taken), len(weights)


def _check_finished(folder: Path) -> None:
    """Raises CalicoError where training in this folder, of a run or of one of its stages, has not come to its end."""
    file = folder / MODEL_FILE
    for stage in (folder, folder / "finetune"):
        if (stage / LOG_FILE).exists() and not (stage / DONE_FILE).exists():
            raise CalicoError(
                f"model {folder}: its training has not come to its end; go on with calico train --resume and its options, or "
                f"name the file {stage / MODEL_FILE} to take it as it is"
            )
    if not file.exists() and any((folder / stage / LOG_FILE).exists() for stage in ("prc", "rad")):
        raise CalicoError(
            f"model {folder}: a training run without a fine-tuned model; go on with calico train --resume and its options, or "
            "name the folder of one of its stages"
        )


def read_model_config(file: Path) -> Config:
    """The configuration in a model file's metadata."""
    if not file.is_file():
        raise CalicoError(f"model file {file}: not found; expected a {MODEL_FILE} or the folder of a training run")
    try:
        with safe_open(str(file), framework="pt", device="cpu") as handle:
            metadata = handle.metadata() or {}
    except SafetensorError as error:
        raise CalicoError(f"model file {file}: not a safetensors file ({error})") from error
    try:
        card = json.loads(metadata.get(METADATA_KEY, "{}"))
        if card.get("format") != FORMAT:
            raise CalicoError(
                f"model file {file}: format {card.get('format')!r}, expected {FORMAT!r} (made by calico train)"
            )
        return Config.model_validate(card["config"])
    except (ValidationError, KeyError, json.JSONDecodeError) as error:
        raise CalicoError(f"model file {file}: its configuration does not fit this version ({error})") from error


def save_state(path: Path, state: TrainingState) -> None:
    """Writes the training state, atomically."""
    buffer = io.BytesIO()
    torch.save(vars(state), buffer)
    write_atomic(path, buffer.getvalue())


def load_state(path: Path) -> TrainingState:
    """Reads our own training state; nothing but tensors and plain values is unpickled."""
    try:
        return TrainingState(**torch.load(path, map_location="cpu", weights_only=True))
    except FileNotFoundError:
        raise CalicoError(f"training state {path}: not found; nothing to resume (start without --resume)") from None
    except Exception as error:  # torch raises RuntimeError, UnpicklingError, EOFError, KeyError ... for broken files
        raise CalicoError(f"training state {path}: cannot be read ({error}); start again with --overwrite") from error
