"""One rate or visibility for both sensors and all sweeps: cameras lose exp(-alpha R), the LiDAR exp(-2 alpha R), of one alpha."""

import numpy as np
import pytest

from calico.frame import Frame
from corruptions import corrupt_with
from corruptions.imaging.linear_light import to_linear
from corruptions.weather.fog_camera import estimate_airlight, fog_image, veil_image
from corruptions.weather.particles import rain_drops, snow_flakes

OBJECT_M = 80.0


@pytest.mark.parametrize("visibility_m", [400.0, 250.0])
def test_object_at_80_m(street: Frame, visibility_m: float) -> None:
    # A black object before a white sky at 80 m in the image; echoes of intensity 1 at 80 m from both sweeps.
    alpha = np.log(20) / visibility_m
    image = np.zeros((90, 160, 3), np.uint8)
    image[:45] = 255
    foggy = to_linear(
        fog_image(
            image, np.full((90, 160), np.exp(-alpha * OBJECT_M), np.float32), np.ones(3, np.float32)
        )
    )
    contrast = float((foggy[5, 80] - foggy[85, 80])[0] / foggy[5, 80][0])
    points = np.array([[OBJECT_M, 0, 0, 1, 0], [OBJECT_M - 0.5, 0, 0, 1, 0.05]], np.float32)
    echoes = corrupt_with(
        street.replace(
            points=points,
            ring=np.zeros(2, np.int16),
            sweep_index=np.array([0, 1], np.int16),
            elongation=None,
        ),
        "fog",
        visibility_m,
        seed=0,
    ).points[:, 3]
    from_camera, from_lidar = -np.log(contrast) / OBJECT_M, -np.log(echoes) / (2 * OBJECT_M)
    assert from_camera == pytest.approx(alpha, rel=0.02)
    assert from_lidar == pytest.approx([alpha, alpha], rel=1e-3)


@pytest.mark.parametrize(
    ("name", "rate", "alpha"),
    [("rain", 100.0, rain_drops(100).extinction), ("snowfall", 2.0, snow_flakes(2).extinction)],
)
def test_precipitation_has_one_extinction(
    street: Frame, name: str, rate: float, alpha: float
) -> None:
    # A black road under a white sky, no points: at row 64 the road is 1.5 m * |ray| / down away. Single drops add a little.
    image = np.zeros((96, 160, 3), np.uint8)
    image[:46] = 255
    none = street.points[:0], street.ring[:0], street.sweep_index[:0]
    blind = street.replace(
        points=none[0], ring=none[1], sweep_index=none[2], elongation=None, images=(image,) * 6
    )
    seen = to_linear(corrupt_with(blind, name, rate, seed=0).images[0])
    down = (64 - 47.5) / street.camera_K[0, 1, 1]
    transmission = 1 - np.median(seen[64, :, 0]) / seen[5, 80, 0]
    assert -np.log(transmission) == pytest.approx(
        alpha * 1.5 * np.sqrt(1 + down**2) / down, rel=0.2
    )
    # The wall 40 m ahead: intensity of its echoes in both sweeps.
    after = corrupt_with(street, name, rate, seed=0)
    for sweep in (0, 1):
        old = street.points[(street.sweep_index == sweep) & (abs(street.points[:, 0] - 40) < 0.01)]
        new = after.points[(after.sweep_index == sweep) & (abs(after.points[:, 0] - 40) < 0.2)]
        assert len(new) > 0.4 * len(old)
        assert new[:, 3].mean() / old[:, 3].mean() == pytest.approx(
            np.exp(-2 * alpha * 40), rel=0.1
        )


def test_airlight_and_transmission_make_one() -> None:
    # An image as bright as the airlight stays as it is, whatever the transmission; the table is within two values of the law.
    rng = np.random.default_rng(0)
    flat = np.full((40, 60, 3), 180, np.uint8)
    transmission = rng.random((40, 60)).astype(np.float32)
    assert (
        abs(veil_image(flat, transmission, estimate_airlight([flat])).astype(int) - 180).max() <= 1
    )
    image = rng.integers(0, 256, (40, 60, 3)).astype(np.uint8)
    light = np.array([0.8, 0.7, 0.9], np.float32)
    exact = to_linear(image) * transmission[..., None] + light * (1 - transmission[..., None])
    encoded = np.where(exact <= 0.0031308, 12.92 * exact, 1.055 * exact ** (1 / 2.4) - 0.055) * 255
    assert abs(veil_image(image, transmission, light) - encoded).max() <= 2.0
    assert np.array_equal(veil_image(image, np.ones((40, 60), np.float32), light), image)
