"""Universal perturbations: one change for all frames, learnt on other scenes."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from calico.data.batch import collate_frames
from calico.data.source import FrameSource
from calico.errors import CalicoError
from calico.frame import Frame
from calico_eval.attacks import ALGORITHMS, AttackSpec, Threat, attack_frames
from calico_eval.attacks.universal.fitted import Fitted
from calico_eval.attacks.universal.perturbation import AZIMUTHS, BEAMS, find_entries
from calico_eval.engines.network.objectives import OBJECTIVES, Scene
from calico_eval.engines.torch import TorchEngine

LEVELS, METRES = Threat(camera_levels=6), Threat(range_m=0.2)


def learn(engine: TorchEngine, frames: list[Frame], attack: AttackSpec, seed: int = 0) -> Fitted:
    fit = ALGORITHMS["universal"].fit
    assert fit is not None
    return fit(engine, frames, attack, seed)


def hidden(engine: TorchEngine, frames: list[Frame]) -> float:
    batch = collate_frames(frames)
    return float(
        OBJECTIVES["hide"].loss(Scene(engine.model, batch), engine.model(batch)).detach().mean()
    )


def scene(street: FrameSource, number: int) -> list[Frame]:
    return [
        street[index]
        for index in range(len(street))
        if street.info(index).scene == f"street{number}"
    ]


def test_one_image_for_all_frames_and_stronger_than_noise(
    camera_only: TorchEngine, street: FrameSource
) -> None:
    attack = AttackSpec("universal", LEVELS, steps=8)
    learnt_on, evaluated = scene(street, 0), scene(street, 1)
    fitted = learn(camera_only, learnt_on, attack)
    after = [done.frame for done in attack_frames(camera_only, evaluated, attack, 0, fitted)]
    changes = [
        np.stack([b.astype(int) - a for a, b in zip(before.images, changed.images, strict=True)])
        for before, changed in zip(evaluated, after, strict=True)
    ]
    clipped = [
        np.stack([(image <= 6) | (image >= 249) for image in frame.images]) for frame in evaluated
    ]  # there the change may be cut off
    free = ~(clipped[0] | clipped[1] | clipped[2])
    assert free.mean() > 0.9
    assert np.array_equal(changes[0][free], changes[1][free])
    assert np.array_equal(changes[0][free], changes[2][free])
    assert abs(changes[0]).max() == 6
    noise = [
        hidden(
            camera_only,
            [
                d.frame
                for d in attack_frames(
                    camera_only, evaluated, AttackSpec("universal_noise", LEVELS), s
                )
            ],
        )
        for s in range(3)
    ]
    clean = hidden(camera_only, evaluated)
    assert hidden(camera_only, after) - clean > 3 * max(abs(value - clean) for value in noise)
    assert fitted.loss_start == pytest.approx(hidden(camera_only, learnt_on), abs=1e-3)
    assert fitted.loss_end > fitted.loss_start
    assert fitted.tokens == ("street0-0", "street0-1", "street0-2")


def test_noise_is_one_image_for_all_frames_too(
    camera_only: TorchEngine, street: FrameSource
) -> None:
    attack = AttackSpec("universal_noise", LEVELS)
    grey = [
        frame.replace(images=tuple(np.full_like(image, 128) for image in frame.images))
        for frame in (street[0], street[4])
    ]
    (one,), (other,) = (attack_frames(camera_only, [frame], attack, 0) for frame in grey)
    assert all(
        np.array_equal(a, b) for a, b in zip(one.frame.images, other.frame.images, strict=True)
    )
    assert set(np.unique(one.frame.images[2])) == {122, 134}


def test_points_move_along_their_rays_by_the_table(fused: TorchEngine, street: FrameSource) -> None:
    """Learnt on 12 frames of four scenes: on the six frames of two others it raises the mean loss
    by 1.8, and noise by less than 1.0 (6 seeds). Learnt on three frames alone it would fit their
    crossings of pillars."""
    attack = AttackSpec("universal", METRES, steps=8)
    longer: FrameSource = type(street)(6, 3)  # type: ignore[call-arg]
    fitted = learn(
        fused, [frame for number in (2, 3, 4, 5) for frame in scene(longer, number)], attack
    )
    evaluated = [*scene(street, 0), *scene(street, 1)]
    done = attack_frames(fused, evaluated, attack, 0, fitted)
    table = (2.0 * fitted.values.flatten().numpy().astype(np.float64) - 1.0) * 0.2
    assert table.shape == (BEAMS * AZIMUTHS,)
    for before, after in zip(evaluated, done, strict=True):
        assert after.budget.ray_angle_deg < 1e-3
        assert 0.19 < after.budget.range_m <= 0.2
        ranges = [
            np.linalg.norm(frame.points[:, :3].astype(np.float64), axis=1)
            for frame in (before, after.frame)
        ]
        rows = zip(before.points, before.ring, ranges[1] - ranges[0], strict=True)
        for point, ring, moved in list(rows)[::37]:
            azimuth = round(np.degrees(np.arctan2(float(point[1]), float(point[0]))) + 180.0) % 360
            assert moved == pytest.approx(table[int(ring) * 360 + azimuth], abs=1e-4)
    noise = [
        hidden(
            fused,
            [
                d.frame
                for d in attack_frames(
                    fused, evaluated, AttackSpec("universal_noise", METRES), seed
                )
            ],
        )
        for seed in range(3)
    ]
    clean = hidden(fused, evaluated)
    assert hidden(fused, [d.frame for d in done]) - clean > 1.3 * (max(noise) - clean)


def test_a_turned_sweep_is_looked_up_as_its_sensor_stood(street: FrameSource) -> None:
    """The same scan, taken by a sensor that was turned by 90 degrees and 3 m behind, falls into the
    same entries."""
    frame = street[0]
    pose = np.array([[0.0, -1, 0, -3], [1, 0, 0, 0], [0, 0, 1, 0.5], [0, 0, 0, 1]])
    points = frame.points.copy()
    points[:, :3] = (points[:, :3].astype(np.float64) @ pose[:3, :3].T + pose[:3, 3]).astype(
        np.float32
    )
    turned = frame.replace(
        points=points,
        sweep_T=np.stack([np.eye(4), pose]),
        sweep_index=np.ones(len(points), np.int16),
    )
    assert np.array_equal(find_entries(frame), find_entries(turned))
    no_rings = frame.replace(ring=np.full(len(points), -1, np.int16))
    beams = find_entries(no_rings) // AZIMUTHS
    lowest, highest = (beams[frame.ring == ring] for ring in (0, frame.ring.max()))
    assert lowest.max() < highest.min()
    assert len(np.unique(beams)) >= len(np.unique(frame.ring))


def test_camera_and_lidar_together(fused: TorchEngine, street: FrameSource) -> None:
    both = Threat(camera_levels=4, range_m=0.05)
    attack = AttackSpec("universal", both, steps=5)
    fitted = learn(fused, scene(street, 0), attack)
    first, second = attack_frames(fused, scene(street, 1)[:2], attack, 0, fitted)
    assert first.budget.camera_levels == (4,) * 6
    assert 0.04 < first.budget.range_m <= 0.05
    views = zip(
        street[3].images, first.frame.images, street[4].images, second.frame.images, strict=True
    )
    for before, after, other_before, other_after in views:
        one, other = after.astype(int) - before, other_after.astype(int) - other_before
        free = (np.minimum(before, other_before) > 4) & (np.maximum(before, other_before) < 251)
        assert np.array_equal(one[free], other[free])


def test_frames_that_the_change_does_not_fit_are_refused(
    fused: TorchEngine, street: FrameSource
) -> None:
    frame = street[4]
    small = frame.replace(images=tuple(image[:16] for image in frame.images))
    attack = AttackSpec("universal", LEVELS, steps=2)
    fitted = learn(fused, [street[0]], attack)
    with pytest.raises(
        CalicoError, match=r"universal attack: frame street1-1 has images .*16, 64, 3"
    ):
        attack_frames(fused, [small], attack, 0, fitted)
    attack = AttackSpec("universal", METRES, steps=2)
    fitted = learn(fused, [street[0]], attack)
    no_rings = frame.replace(ring=np.full(len(frame.points), -1, np.int16))
    with pytest.raises(
        CalicoError, match="have no beam numbers, it was made for points with beam numbers"
    ):
        attack_frames(fused, [no_rings], attack, 0, fitted)
    empty = dataclasses.replace(
        street[1], boxes=street[1].boxes.select(np.zeros(len(street[1].boxes), np.bool_))
    )
    with pytest.raises(
        CalicoError, match="none of the 1 frames to fit on has an object for objective 'hide'"
    ):
        learn(fused, [empty], attack)
