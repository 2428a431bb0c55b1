"""All sensors lost for a while."""

from __future__ import annotations

import dataclasses

import numpy as np

from corruptions.frame_like import FrameLike, load_previous, select_points
from corruptions.rng import Streams


def burst_loss(frame: FrameLike, share_lost: float, streams: Streams) -> FrameLike:
    """Fail the link that carries all sensors in bursts: black images and no points.

    Some keyframes in a row are lost. The mean length of a burst grows with the share: 1.1, 2, 3, 4,
    5 keyframes, which is 10 times the share, but never below the 1 / (1 - share) of independent
    losses. A Markov chain of two states is started in its stationary state at the scene's start.
    All frames of a scene agree on it: every keyframe has one random number, and the chain is
    followed back (2.5 keyframes on average at severity 5, 1 at severity 1) to the last one whose
    number decides alone. What is lost at a severity is lost at all higher ones. A single frame may
    well stay as it is.

    Args:
        frame: Frame to corrupt. Its `previous` gives the frames before.
        share_lost: Share of keyframes lost in the long run. Severities: 0.1, 0.2, 0.3, 0.4, 0.5.
        streams: Random streams of the corruption and frame.

    Source:
        Gilbert, Bell System Technical Journal 1960, for the chain. The values are ours.
    """
    if not _is_lost(frame, share_lost, streams):
        return frame
    images = tuple(np.zeros_like(image) for image in frame.images)
    return select_points(frame.replace(images=images), np.zeros(len(frame.points), np.bool_))


def transition_probabilities(share_lost: float) -> tuple[float, float]:
    """Compute how likely a keyframe is lost, after one that was not and after one that was.

    With q = 1 / mean length the chance that a burst ends, the former is q share / (1 - share). Then
    lost keyframes are as many as `share_lost` says.
    """
    ends = min(1 - share_lost, 0.1 / share_lost) if share_lost else 1.0
    return ends * share_lost / (1 - share_lost), 1 - ends


def _is_lost(frame: FrameLike, share_lost: float, streams: Streams) -> bool:
    """Follow the chain back to its state.

    As begins <= stays, a number below `begins` or from `stays` on decides whatever came before.
    """
    begins, stays = transition_probabilities(share_lost)
    past = frame
    while True:
        drawn = float(
            dataclasses.replace(streams, token=past.token).nested_per_frame("link").random()
        )
        if not begins <= drawn < stays:
            return drawn < begins
        older = load_previous(past)
        if older is None:
            return drawn < share_lost
        past = older
