"""Sensors that are late, stuck or lose frames."""

from __future__ import annotations

from corruptions.spec import Spec

# fmt: off
TABLE: tuple[Spec, ...] = ()
# fmt: on
