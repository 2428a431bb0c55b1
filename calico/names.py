"""Names given on the command line: NAME=MODEL."""

from __future__ import annotations

from pathlib import Path


def split_name(spec: str) -> tuple[str | None, str]:
    """Split what the user typed for a model into its name and its place.

    Args:
        spec: 'NAME=PLACE', or a place alone.

    Returns:
        The name, or None, and the place. There is no name where the whole is a file or a folder
        ('lr=0.1/model.onnx'), or where the part before '=' looks like a path or a module.
    """
    head, found, rest = spec.partition("=")
    if found and rest and head and not set(head) & set("/\\:.") and not Path(spec).exists():
        return head, rest
    return None, spec
