"""Model files: weights in safetensors with a card that says how to run them, and a seal.

`model.safetensors` holds the weights and all that is needed to run them: architecture, classes,
grid and preprocessing, as the configuration without machine paths. The files of parts (PRC's
projector) hold the bare weights. Every file is checked against the checksum in it before any of its
content is used. The training state is in `calico.train.state`.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import nn

from calico import __version__
from calico.config.load import portable_config, validate_config
from calico.config.schema import Config
from calico.errors import CalicoError
from calico.files import (
    SEAL_PLACEHOLDER,
    FileError,
    check_seal,
    is_sealed,
    parse_json,
    read_bytes,
    seal,
    write_atomic,
)
from calico.models.calico import CalicoModel, build_model, describe_weights
from calico.train.done import DONE_FILE, LOG_FILE, read_done

MODEL_FILE = "model.safetensors"
FORMAT = "calico-model-1"
PART_FORMAT = "calico-part-1"
METADATA_KEY = "calico"
MAX_BYTES = 8 << 30
"""Largest file of weights that is read."""
_HEADER_LENGTH_BYTES = 8


def save_model(path: Path, model: CalicoModel, config: Config) -> str:
    """Write the weights with their card and a seal, atomically.

    Args:
        path: File to write.
        model: Network with the weights.
        config: Configuration for the card.

    Returns:
        The file's SHA-256.
    """
    card = {
        "format": FORMAT,
        "calico_version": __version__,
        "config": portable_config(config).model_dump(mode="json"),
    }
    return _write(path, model, card)


def load_model(path: Path, device: str = "cpu") -> tuple[CalicoModel, Config]:
    """Read a model, in evaluation mode.

    Args:
        path: A `model.safetensors`, or the run folder or stage folder that holds it.
        device: Where the weights go.

    Raises:
        CalicoError: There is no such file. The folder is that of an unfinished training. The file
            is damaged, no CALICO model, or not the one that the training in the folder ended with.
            It is also raised if the weights do not fit their own card.
    """
    file = path / MODEL_FILE if path.is_dir() else path
    if path.is_dir():
        _check_finished(path)
    content = _read_model(file)
    if path.is_dir():
        _check_last(path, hashlib.sha256(content).hexdigest())
    config = _config_in(file, content)
    try:
        weights = load(content)
        _check_weights(file, weights, config)
        model = build_model(config, seed=0)
        model.load_state_dict(weights)
    except (SafetensorError, RuntimeError) as error:
        raise CalicoError(
            f"model file {file}: the weights do not fit the architecture in its metadata ({error})"
        ) from error
    return model.eval().to(device), config


def _check_weights(file: Path, weights: dict[str, torch.Tensor], config: Config) -> None:
    """Compare the weights with the architecture before any memory is asked for it.

    Raises:
        CalicoError: A name, shape or type differs, or a weight is not finite.
    """
    expected = describe_weights(config)
    misfit = f"model file {file}: the weights do not fit the architecture in its metadata"
    other = sorted(set(weights) ^ set(expected))
    if other:
        raise CalicoError(f"{misfit}: {len(other)} names differ, e.g. {other[0]}")
    for name, value in weights.items():
        kind = expected[name]
        if value.shape != kind.shape or value.dtype != kind.dtype:
            raise CalicoError(
                f"{misfit}: {name} is {tuple(value.shape)} {value.dtype}, expected "
                f"{tuple(kind.shape)} {kind.dtype}"
            )
        if not bool(torch.isfinite(value).all()):
            raise CalicoError(
                f"model file {file}: weight {name} holds values that are not finite; train it again"
            )


def read_model_config(file: Path) -> Config:
    """Read the configuration in a model file's card.

    Raises CalicoError as `load_model` does.
    """
    return _config_in(file, _read_model(file))


def save_weights(path: Path, module: nn.Module, part: str) -> None:
    """Write the bare weights of a part of a model with a seal, atomically.

    Args:
        path: The file.
        module: The part.
        part: What it is. `load_weights` expects the same word.
    """
    _write(path, module, {"format": PART_FORMAT, "part": part})


def load_weights(path: Path, module: nn.Module, part: str) -> None:
    """Read the weights that `save_weights` wrote into a module.

    Args:
        path: File to read.
        module: Module that gets the weights.
        part: What the weights belong to, the word that `save_weights` got.

    Raises:
        CalicoError: The file is missing, damaged or of another part, or does not fit the module.
    """
    where = f"weights {path}"
    if not path.exists():
        raise CalicoError(f"{where}: not found; run the stage that writes it first")
    content = read_bytes(path, MAX_BYTES, "weights")
    _check(content, where, "run the stage that writes it again (--stage and --overwrite)")
    card = _card(content, where)
    if (card.get("format"), card.get("part")) != (PART_FORMAT, part):
        raise CalicoError(
            f"{where}: holds {card.get('part')!r} ({card.get('format')!r}), expected the part "
            f"{part!r}"
        )
    try:
        module.load_state_dict(load(content))
    except (SafetensorError, RuntimeError) as error:
        raise CalicoError(f"{where}: do not fit this configuration ({error})") from error


def load_init(model: CalicoModel, path: Path) -> tuple[int, int]:
    """Copy every weight of a model file that has a counterpart of the same name and shape.

    A fused model can start from a LiDAR-only one, and the other way round.

    Args:
        model: Network that gets the weights.
        path: Model file, or the folder of a run or a stage.

    Returns:
        How many of the model's weight tensors (of more than one dimension) were taken, and how many
        it has.

    Raises:
        CalicoError: The file is not a model file, or nothing fits of a branch or trunk that both
            have.
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
                f"init {path}: no weight of its {part} fits this model; expected the same widths "
                f"(model.*)"
            )
    model.load_state_dict({**own, **fitting})
    return len(taken), len(weights)


def _write(path: Path, module: nn.Module, card: dict[str, Any]) -> str:
    # One key: safetensors writes several in a random order.
    metadata = {METADATA_KEY: json.dumps({**card, "sha256": SEAL_PLACEHOLDER})}
    tensors = {
        name: value.detach().cpu().contiguous() for name, value in module.state_dict().items()
    }
    content = seal(save(tensors, metadata=metadata))
    write_atomic(path, content)
    return hashlib.sha256(content).hexdigest()


def _read_model(file: Path) -> bytes:
    """The content of a model file, checked against its seal."""
    where = f"model file {file}"
    if not file.exists():
        raise CalicoError(
            f"{where}: not found; expected a {MODEL_FILE} or the folder of a training run"
        )
    content = read_bytes(file, MAX_BYTES, "model file")
    if not is_sealed(content):
        found = _card(content, where).get("format")
        if found != FORMAT:
            raise CalicoError(
                f"{where}: format {found!r}, expected {FORMAT!r} (made by calico train)"
            )
    _check(content, where, "fetch it again, or train it again (calico train --overwrite)")
    return content


def _check(content: bytes, where: str, way_on: str) -> None:
    try:
        check_seal(content, where)
    except FileError as error:
        raise CalicoError(f"{error}; {way_on}") from None


def _card(content: bytes, where: str) -> dict[str, Any]:
    """The card in the header of a safetensors file, or empty where it has none."""
    length = int.from_bytes(content[:_HEADER_LENGTH_BYTES], "little")
    header = content[_HEADER_LENGTH_BYTES : _HEADER_LENGTH_BYTES + length]
    if len(content) < _HEADER_LENGTH_BYTES or len(header) < length:
        raise CalicoError(f"{where}: not a safetensors file (its header is cut off)")
    try:
        metadata = parse_json(header, where).get("__metadata__") or {}
        card = parse_json(metadata.get(METADATA_KEY, "{}"), f"{where}, its card")
    except (FileError, AttributeError, TypeError) as error:
        raise CalicoError(f"{where}: not a safetensors file with a card ({error})") from None
    if not isinstance(card, dict):
        raise CalicoError(f"{where}: its card is of type {type(card).__name__}, expected an object")
    return card


def _config_in(file: Path, content: bytes) -> Config:
    where = f"model file {file}"
    card = _card(content, where)
    if card.get("format") != FORMAT:
        raise CalicoError(
            f"{where}: format {card.get('format')!r}, expected {FORMAT!r} (made by calico train)"
        )
    return validate_config(
        card.get("config"), f"{where}: its configuration does not fit this version"
    )


def _check_finished(folder: Path) -> None:
    """Raise CalicoError if the training of a run or a stage in this folder has not ended."""
    file = folder / MODEL_FILE
    for stage in (folder, folder / "finetune"):
        if (stage / LOG_FILE).exists() and not (stage / DONE_FILE).exists():
            as_it_is = f", or name the file {stage / MODEL_FILE} to take it as it is"
            raise CalicoError(
                f"model {folder}: its training has not come to its end; go on with calico train "
                f"--resume and its options"
                + (as_it_is if (stage / MODEL_FILE).is_file() else " (it has no checkpoint yet)")
            )
    if not file.exists() and any((folder / stage / LOG_FILE).exists() for stage in ("prc", "rad")):
        raise CalicoError(
            f"model {folder}: a training run without a fine-tuned model; go on with calico train "
            f"--resume and its options, or "
            "name the folder of one of its stages"
        )


def _check_last(folder: Path, sha256: str) -> None:
    """Raise CalicoError if a model is not the one that the training in this folder ended with."""
    for stage in (folder, folder / "finetune"):
        if (stage / DONE_FILE).exists() and read_done(stage).files.get(MODEL_FILE) != sha256:
            raise CalicoError(
                f"model file {folder / MODEL_FILE}: is not the model that the training in {stage} "
                f"ended with; go on with "
                "calico train --resume and its options, or name the file to take it as it is"
            )
