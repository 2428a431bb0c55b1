"""Random streams that depend on names only.

They give the same bytes in any order, batch, process or number of workers.
"""

from __future__ import annotations

import hashlib
import operator
from dataclasses import dataclass
from typing import SupportsIndex, cast

import numpy as np

from corruptions.errors import CorruptionError

SEEDS = 2**63
"""Seeds are below this number, so that they fit every file and every generator."""


def as_seed(seed: object) -> int:
    """Check a seed and return it as an int; numpy's whole numbers are taken, booleans are not.

    Args:
        seed: Any value.

    Raises:
        CorruptionError: It is no whole number from 0 to 2^63 - 1.
    """
    try:
        if not isinstance(seed, bool | np.bool_):
            number = operator.index(cast(SupportsIndex, seed))
            if 0 <= number < SEEDS:
                return number
    except TypeError:
        pass
    raise CorruptionError(f"seed is {seed!r:.60}, expected a whole number from 0 to 2^63 - 1")


def make_generator(seed: int, *names: str) -> np.random.Generator:
    """Make a counter-based generator (Philox), keyed by SHA-256 of the seed and the names.

    Args:
        seed: Seed of the evaluation.
        names: Names that tell the streams apart.
    """
    digest = hashlib.sha256("\x1f".join([str(seed), *names]).encode()).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(digest[:16], "little")))


@dataclass(frozen=True)
class Streams:
    """The random streams of one corruption of one frame.

    The parameter's value stands for the severity in the hash, so that a severity and its physical
    value given directly are the same condition with the same bytes.

    Attributes:
        seed: Seed of the evaluation.
        scene_name: Name of the scene.
        token: Name of the frame.
        corruption: Name of the corruption.
        value: Value of its parameter.
    """

    seed: int
    scene_name: str
    token: str
    corruption: str
    value: float

    def per_frame(self, sensor: str) -> np.random.Generator:
        """Return a stream of its own for every frame.

        Args:
            sensor: Name of the use: "lidar", "camera0" ...
        """
        return make_generator(
            self.seed, "frame", self.token, self.corruption, repr(float(self.value)), sensor
        )

    def per_scene(self, sensor: str) -> np.random.Generator:
        """Return the same stream in every frame of a scene, for lasting defects (a bent mount)."""
        return make_generator(
            self.seed, "scene", self.scene_name, self.corruption, repr(float(self.value)), sensor
        )

    def nested_per_frame(self, sensor: str) -> np.random.Generator:
        """Return a stream of its own for every frame, but the same at every severity.

        What is lost at one severity stays lost at the next. The stream of another frame is
        `dataclasses.replace(streams, token=past.token).nested_per_frame(sensor)`.
        """
        return make_generator(self.seed, "nested", self.token, self.corruption, sensor)

    def nested_per_scene(self, sensor: str) -> np.random.Generator:
        """Return the same stream in every frame of a scene and at every severity.

        A larger severity then adds to the same defect.
        """
        return make_generator(self.seed, "nested scene", self.scene_name, self.corruption, sensor)
