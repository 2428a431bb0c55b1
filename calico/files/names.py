"""Names of files and folders that are made of a text which came from a file."""

from __future__ import annotations

import hashlib
import re

LONGEST = 80
_HASH_DIGITS = 8
_OTHERS = re.compile(r"[^\w.+-]+")


def file_name(text: str) -> str:
    """Make the name of one file or folder of a text, such as the name that a model gives itself.

    Args:
        text: Any text. Letters, digits and `_ . + -` are kept; a dot or dash at the start is not.

    Returns:
        The text itself where it is a plain name, else what is left of it and some digits of its
        hash, so that two texts never share a name. It never leads out of its folder.
    """
    kept = _OTHERS.sub("_", text).lstrip(".-")[:LONGEST]
    if kept and kept == text:
        return kept
    digits = hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:_HASH_DIGITS]
    return f"{kept or 'unnamed'}-{digits}"
