"""The table of timing corruptions: sensors that are late, stuck or lose frames."""

from __future__ import annotations

from corruptions.spec import Spec
from corruptions.timing.burst_loss import burst_loss
from corruptions.timing.sweep_dropout import sweep_dropout
from corruptions.timing.temporal_offset import temporal_offset

TABLE: tuple[Spec, ...] = (
    Spec(
        "temporal_offset",
        "timing",
        ("camera",),
        "keyframes_late",
        "keyframes",
        (1, 2, 3, 4, 5),
        (0, 100),
        "after 3D_Corruptions_AD (Dong et al., CVPR 2023), temporal misalignment",
        ("nuscenes-c", "multicorrupt"),
        temporal_offset,
        ("past",),
    ),
    Spec(
        "sweep_dropout",
        "timing",
        ("lidar",),
        "share_of_sweeps",
        "share of the older sweeps",
        (0.2, 0.4, 0.6, 0.8, 1.0),
        (0, 1),
        "ours",
        (),
        sweep_dropout,
        ("sweeps",),
    ),
    Spec(
        "burst_loss",
        "timing",
        ("camera", "lidar"),
        "share_in_bursts",
        "share of keyframes",
        (0.1, 0.2, 0.3, 0.4, 0.5),
        (0, 0.9),
        "Markov chain of Gilbert 1960; values ours",
        (),
        burst_loss,
        by_chance=True,
    ),
)
