"""Let the Python reference show the section "Example:" of docstrings as code.

Griffe knows this section as "Examples:". mkdocstrings loads this file (see `extensions` in
mkdocs.yml).
"""

from __future__ import annotations

import re
from typing import Any

import griffe

EXAMPLE = re.compile(r"^Example:$", re.MULTILINE)


class ExampleSection(griffe.Extension):
    """Rename the section "Example:" before the docstring is parsed."""

    def on_object(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        """Change the docstring of one object.

        Args:
            obj: Module, class, function or attribute that was loaded.
            kwargs: Other facts, unused.
        """
        if obj.docstring is not None:
            obj.docstring.value = EXAMPLE.sub("Examples:", obj.docstring.value)
