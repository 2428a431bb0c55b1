"""Names given on the command line: NAME=MODEL."""

from __future__ import annotations


def split_name(spec: str) -> tuple[str | None, str]:
    """'NAME=REST' as (NAME, REST); no name where the part before '=' looks like a path or a module."""
    head, found, rest = spec.partition("=")
    if found and rest and not set(head) & set("/\\:.") and head:
        return head, rest
    return None, spec
