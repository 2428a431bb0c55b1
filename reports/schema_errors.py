"""Turn a pydantic error into a message for a person: every fault, its place, the valid key."""

from __future__ import annotations

import difflib
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

MAX_FAULTS = 20


def explain_errors(error: ValidationError, model: type[BaseModel], source: str) -> str:
    """Explain all faults of an error, one a line.

    Args:
        error: The error.
        model: The model that raised it.
        source: Name of the file for the message.
    """
    found = error.errors()
    inner = {fault["loc"][:end] for fault in found for end in range(len(fault["loc"]))}
    # a list whose items have faults is "too short" for pydantic too: that one follows from theirs
    faults = [
        fault for fault in found if not (fault["type"] == "too_short" and fault["loc"] in inner)
    ]
    lines = [f"{source}: {len(faults)} fault{'s' if len(faults) != 1 else ''}"]
    for fault in faults[:MAX_FAULTS]:
        location = fault["loc"]
        where = _shown_place(location)
        if fault["type"] == "extra_forbidden":
            lines.append(f"  {where}: unknown key{_hint(str(location[-1]), model, location[:-1])}")
        elif fault["type"] == "missing":
            lines.append(f"  {where}: missing")
        elif fault["type"] == "too_short" and not fault["input"]:
            lines.append(f"  {where}: is empty, expected at least {fault['ctx']['min_length']}")
        else:
            lines.append(f"  {where}: {fault['msg']} (got {_short(fault['input'])})")
    if len(faults) > MAX_FAULTS:
        lines.append(f"  ... and {len(faults) - MAX_FAULTS} more")
    return "\n".join(lines)


def _shown_place(location: tuple[int | str, ...]) -> str:
    """Return the dotted place of a fault. A key may be any text."""
    text = ".".join(str(part) for part in location) or "top level"
    text = text if text.isprintable() else ascii(text)
    return text if len(text) <= 200 else text[:197] + "..."


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _hint(key: str, model: type[BaseModel], parents: tuple[int | str, ...]) -> str:
    """Return '; did you mean ...?', or the list of valid keys."""
    owner = _model_at(model, parents)
    if owner is None:
        return ""
    names = sorted(field.alias or name for name, field in owner.model_fields.items())
    near = difflib.get_close_matches(key, names, n=1)
    return f"; did you mean {near[0]!r}?" if near else f"; valid keys: {', '.join(names)}"


def _model_at(model: type[BaseModel], parents: tuple[int | str, ...]) -> type[BaseModel] | None:
    """Find the record class by following keys and list positions from `model`."""
    current: Any = model
    for part in parents:
        record = _record(current)
        if record is not None and part in record.model_fields:
            current = record.model_fields[str(part)].annotation
        else:  # a position in a tuple or a key of a dict: the item type
            arguments = [a for a in get_args(current) if a is not Ellipsis and a is not type(None)]
            current = arguments[-1] if arguments else None
    return _record(current)


def _record(annotation: Any) -> type[BaseModel] | None:
    candidates = (
        [annotation, *get_args(annotation)] if len(get_args(annotation)) != 1 else [annotation]
    )
    for candidate in candidates:
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return candidate
    return None
