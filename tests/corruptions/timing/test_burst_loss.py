import itertools

import numpy as np
import pytest

from calico.frame import Frame
from corruptions import SPECS, corrupt, corrupt_with, measure_effect
from corruptions.rng import Streams
from corruptions.timing.burst_loss import burst_loss, transition_probabilities

SHARES = (0.1, 0.2, 0.3, 0.4, 0.5)


def scene_of(small: Frame, name: str, length: int) -> list[Frame]:
    frames: list[Frame] = []
    for step in range(length):
        past = (lambda frame: lambda: frame)(frames[-1]) if frames else None
        frames.append(small.replace(token=f"{name}-{step}", scene=name, previous=past))
    return frames


@pytest.fixture(scope="module")
def small(street: Frame) -> Frame:
    return street.replace(
        images=tuple(np.full((2, 2, 3), 7, np.uint8) for _ in range(6)),
        points=street.points[:5],
        ring=street.ring[:5],
        sweep_index=street.sweep_index[:5],
        elongation=None,
    )


def lost(frames: list[Frame], share: float, seed: int = 0) -> list[bool]:
    streams = [Streams(seed, f.scene, f.token, "burst_loss", share) for f in frames]
    return [len(burst_loss(f, share, s).points) == 0 for f, s in zip(frames, streams, strict=True)]


@pytest.mark.parametrize("share", [*SHARES, 0.03, 0.9])
def test_the_chain_has_the_share_and_the_mean_length_it_says(share: float) -> None:
    begins, stays = transition_probabilities(share)
    assert 0 <= begins <= share <= stays + 1e-12 <= 1 + 1e-12
    stationary = begins / (begins + 1 - stays)
    assert stationary == pytest.approx(share)
    assert 1 / (1 - stays) == pytest.approx(max(10 * share, 1 / (1 - share)))


def test_no_loss_at_a_share_of_zero(small: Frame) -> None:
    assert transition_probabilities(0.0) == (0.0, 0.0)
    assert not any(lost(scene_of(small, "s", 30), 0.0))


@pytest.mark.parametrize("share", SHARES)
def test_walking_back_gives_what_walking_forward_gives(small: Frame, share: float) -> None:
    frames = scene_of(small, "scene", 60)
    begins, stays = transition_probabilities(share)
    expected, state = [], None
    for frame in frames:
        drawn = (
            Streams(0, "scene", frame.token, "burst_loss", share).nested_per_frame("link").random()
        )
        state = drawn < (share if state is None else stays if state else begins)
        expected.append(state)
    assert lost(frames, share) == expected


def test_measured_share_and_length(small: Frame) -> None:
    for share in (0.2, 0.5):
        states = [lost(scene_of(small, f"s{n}", 60), share) for n in range(20)]
        assert np.mean(states) == pytest.approx(share, abs=0.05)
        runs = [
            len(list(group))
            for scene in states
            for state, group in itertools.groupby(scene)
            if state
        ]
        assert np.mean(runs) == pytest.approx(10 * share, rel=0.2)


def test_what_is_lost_stays_lost_at_higher_severities(small: Frame) -> None:
    frames = scene_of(small, "scene", 150)
    states = np.array([lost(frames, share) for share in SHARES])
    assert (states[1:] >= states[:-1]).all()
    assert (np.diff(states.sum(axis=1)) > 0).all()
    assert SPECS["burst_loss"].levels == SHARES


def test_a_lost_frame_is_black_and_empty_and_others_stay(small: Frame) -> None:
    frames = scene_of(small, "scene", 30)
    states = []
    for frame in frames:
        after = corrupt(frame, "burst_loss", 5, seed=0)
        changed = measure_effect(frame, after).changed
        assert changed in ({"camera", "lidar"}, set())
        states.append(bool(changed))
        assert states[-1] == (len(after.points) == 0)
        assert states[-1] == (not any(image.any() for image in after.images))
    assert states == lost(frames, 0.5)
    assert 0 < sum(states) < 30
    assert len(corrupt_with(frames[0], "burst_loss", 0.0, seed=0).points) == 5
