"""The manifest of a copy that `calico corrupt` wrote."""

from __future__ import annotations

from pathlib import Path

from calico.files import FileError, read_json

MANIFEST = "manifest.json"


def is_corrupted_copy(root: Path) -> bool:
    """Tell whether `calico corrupt` made a data set, whose sensors may be wrong on purpose."""
    try:
        manifest = read_json(root / MANIFEST)
    except FileError:
        return False
    return isinstance(manifest, dict) and manifest.get("kind") == "calico corrupt"
