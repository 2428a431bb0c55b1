import numpy as np
import pytest

from calico.frame import Frame
from corruptions import corrupt_with
from corruptions.imaging.linear_light import to_linear
from corruptions.weather.fog_camera import fog_image

OBJECT_M = 80.0


@pytest.mark.parametrize("visibility_m", [400.0, 250.0])
def test_object_at_80_m(street: Frame, visibility_m: float) -> None:
    # A black object before a white sky at 80 m in the image; echoes of intensity 1 at 80 m from
    # both sweeps.
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


def test_the_sky_lies_behind_a_layer_of_100_m(street: Frame) -> None:
    # A white sky over a black road: L = t + 0.75 (1 - t) with the airlight of an overcast sky, and
    # t = exp(-alpha 100 m / sine) by the ray's elevation.
    image = np.zeros((96, 160, 3), np.uint8)
    image[:46] = 255
    none = street.points[:0], street.ring[:0], street.sweep_index[:0]
    blind = street.replace(
        points=none[0], ring=none[1], sweep_index=none[2], elongation=None, images=(image,) * 6
    )
    seen = to_linear(corrupt_with(blind, "fog", 2000.0, seed=0).images[0])[5, 80]
    up = (47.5 - 5) / street.camera_K[0, 1, 1]
    sine = up / np.sqrt(1 + up**2 + (0.5 / street.camera_K[0, 0, 0]) ** 2)
    transmission = np.exp(-np.log(20) / 2000 * 100 / sine)
    assert seen == pytest.approx(np.full(3, transmission + 0.75 * (1 - transmission)), abs=0.006)
