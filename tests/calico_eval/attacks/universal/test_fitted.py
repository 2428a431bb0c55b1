"""Attacks that are learnt before the first frame: their frames, their errors, their
repeatability."""

from __future__ import annotations

import pytest

from calico.data.source import FrameSource
from calico.errors import CalicoError
from calico.frame import Frame
from calico_eval.attacks import ALGORITHMS, AttackSpec, Threat
from calico_eval.attacks.universal.fitted import Fitted, fit_indices
from calico_eval.engines.torch import TorchEngine

LEVELS = Threat(camera_levels=6)


def learn(engine: TorchEngine, frames: list[Frame], attack: AttackSpec, seed: int = 0) -> Fitted:
    fit = ALGORITHMS["universal"].fit
    assert fit is not None
    return fit(engine, frames, attack, seed)


def scene(street: FrameSource, number: int) -> list[Frame]:
    return [
        street[index]
        for index in range(len(street))
        if street.info(index).scene == f"street{number}"
    ]


def test_the_fit_is_a_function_of_its_arguments(
    camera_only: TorchEngine, street: FrameSource
) -> None:
    attack = AttackSpec("universal", LEVELS, steps=2)
    frames = scene(street, 0)
    one, again = learn(camera_only, frames, attack), learn(camera_only, frames, attack)
    assert one.describe() == again.describe()
    assert (
        one.describe()["fitted_sha256"]
        != learn(camera_only, frames, attack, seed=1).describe()["fitted_sha256"]
    )


def test_frames_to_fit_on_are_spread_over_other_scenes(street: FrameSource) -> None:
    assert fit_indices(street, 32, {"street1"}) == [0, 1, 2]
    assert fit_indices(street, 2, {"street0"}) == [3, 5]
    with pytest.raises(CalicoError, match="data street: no frame to fit a universal attack on"):
        fit_indices(street, 2, {"street0", "street1"})
