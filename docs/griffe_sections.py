"""Let the Python reference show docstrings as they are written.

The section "Example:" is code; griffe knows it as "Examples:". A name in angle brackets, such as
AP/<class>, is text and no HTML. mkdocstrings loads this file (see `extensions` in
mkdocs.yml).
"""

from __future__ import annotations

import re
from typing import Any

import griffe

EXAMPLE = re.compile(r"^Example:$", re.MULTILINE)
ANGLE = re.compile(r"^(?!\s*(?:>>>|\.\.\.)).*$", re.MULTILINE)
"""A line that is no code of an example."""


def show_angles(text: str) -> str:
    """Write "<" outside of code so that Markdown shows it.

    Args:
        text: A docstring.

    Returns:
        The docstring for the Python reference.
    """

    def escape(line: re.Match[str]) -> str:
        parts = line[0].split("`")
        parts[::2] = [re.sub(r"<(?=[A-Za-z/])", "&lt;", part) for part in parts[::2]]
        return "`".join(parts)

    return ANGLE.sub(escape, text)


class PlainDocstrings(griffe.Extension):
    """Change docstrings before they are parsed."""

    def on_object(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        """Change the docstring of one object.

        Args:
            obj: Module, class, function or attribute that was loaded.
            kwargs: Other facts, unused.
        """
        if obj.docstring is not None:
            text = EXAMPLE.sub("Examples:", obj.docstring.value)
            obj.docstring.value = show_angles(text)
