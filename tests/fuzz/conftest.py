"""A limit on memory for the long version of the fuzz suite (`make fuzz`)."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

GIBIBYTE = 1 << 30


@pytest.fixture(scope="session", autouse=True)
def limited_memory() -> Iterator[None]:
    """With FUZZ_MEMORY_GIB set, this process may take so much more memory than it has: a reader
    that wants more fails."""
    room = int(os.environ.get("FUZZ_MEMORY_GIB", "0")) * GIBIBYTE
    if not room:
        yield
        return
    # All libraries are loaded before the limit.
    from tests.fuzz import dataset, stored, texts  # noqa: F401

    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    now = int(status["VmSize"].split()[0]) * 1024
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (now + room, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)
