"""Objects that look or move as they do not in the training data; their boxes move in step."""

from __future__ import annotations

from corruptions.spec import Spec

# fmt: off
TABLE: tuple[Spec, ...] = ()
# fmt: on
