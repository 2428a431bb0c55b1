import numpy as np
import pytest

from calico.config.training import AugmentConfig
from calico.data.augment import (
    augment_frame,
    drop_camera,
    drop_lidar,
    transform_image,
    transform_scene,
)
from calico.data.batch import collate_frames
from calico.frame import Frame
from calico.geometry.boxes import points_in_boxes
from calico.geometry.camera import project_points
from calico.geometry.frames import from_yaw
from calico.geometry.grid import Grid
from calico.geometry.image_fit import ImageFit
from calico.seeds import make_generator

STRONG = AugmentConfig(
    rotation_deg=45,
    scale=(0.9, 1.1),
    translation_m=0.5,
    image_resize=(0.8, 1.2),
    image_rotation_deg=6,
    image_flip=True,
)


@pytest.mark.parametrize("seed", range(8))
def test_every_point_keeps_its_box_and_its_pixel(frame: Frame, map_grid: Grid, seed: int) -> None:
    only_3d = STRONG.model_copy(
        update={"image_resize": (1.0, 1.0), "image_rotation_deg": 0.0, "image_flip": False}
    )
    new = augment_frame(frame, only_3d, map_grid, make_generator(seed, "test"))
    before = points_in_boxes(frame.points, frame.boxes.boxes, 0.01)
    after = points_in_boxes(new.points, new.boxes.boxes, 0.01)
    np.testing.assert_array_equal(before, after)
    for view in range(2):
        old_px, old_depth, old_seen = project_points(
            frame.image_from_lidar[view], frame.points, (64, 128)
        )
        new_px, new_depth, _ = project_points(new.image_from_lidar[view], new.points, (64, 128))
        np.testing.assert_allclose(new_px[old_seen], old_px[old_seen], atol=1e-2)
        np.testing.assert_allclose(new_depth[old_seen], old_depth[old_seen], atol=1e-4)


def test_image_augmentation_moves_pixels_and_projection_together(
    frame: Frame, map_grid: Grid
) -> None:
    # One bright blob where a known point projects; after augmentation the blob is where the point
    # projects then.
    target = np.array([[8.0, 1.0, -0.5]])
    pixel, _, _ = project_points(frame.image_from_lidar[0], target, (64, 128))
    image = np.zeros((64, 128, 3), np.uint8)
    u, v = np.round(pixel[0]).astype(int)
    image[v - 3 : v + 4, u - 3 : u + 4] = 255
    marked = frame.replace(images=(image, frame.images[1]))
    for seed in range(6):
        new = augment_frame(
            marked,
            STRONG.model_copy(update={"rotation_deg": 0.0}),
            map_grid,
            make_generator(seed, "blob"),
        )
        rows, columns = np.nonzero(new.images[0][..., 0] > 127)
        if len(rows) == 0:
            continue
        linear = new.camera_T_lidar[0] @ np.append(recover(frame, new, target[0]), 1.0)
        expected = new.camera_K[0] @ linear[:3]
        np.testing.assert_allclose(
            [columns.mean(), rows.mean()], expected[:2] / expected[2], atol=1.0
        )


def recover(old: Frame, new: Frame, point: np.ndarray) -> np.ndarray:
    """Where a point of the old LiDAR frame is in the new one: cameras did not move in the world."""
    new_T_old = np.linalg.inv(new.camera_T_lidar[0]) @ old.camera_T_lidar[0]
    return (new_T_old @ np.append(point, 1.0))[:3]


def test_a_turned_map_cell_is_found_at_the_turned_place(frame: Frame, map_grid: Grid) -> None:
    turn = from_yaw(np.pi / 2)
    new = transform_scene(frame, turn, map_grid)
    assert new.map_masks is not None
    assert new.map_known is not None
    assert new.map_known.all()
    np.testing.assert_array_equal(new.map_masks, np.rot90(frame.map_masks, k=-1, axes=(1, 2)))
    half = transform_scene(frame, from_yaw(np.pi / 4), map_grid)
    assert half.map_known is not None
    assert 0.7 < half.map_known.mean() < 0.95
    assert not half.map_masks[:, ~half.map_known].any()


def test_mirror_turns_yaw_and_velocity(frame: Frame, map_grid: Grid) -> None:
    mirror = np.diag([1.0, -1.0, 1.0, 1.0])
    new = transform_scene(frame, mirror, map_grid)
    np.testing.assert_allclose(
        new.boxes.boxes[0], [8, -1, -1, 4.5, 1.9, 1.6, -0.3, 3, -1], atol=1e-6
    )
    assert np.isnan(new.boxes.boxes[1, 7:]).all()


def test_identity_ranges_change_nothing(frame: Frame, map_grid: Grid) -> None:
    still = AugmentConfig(rotation_deg=0, scale=(1, 1), flip_x=False, flip_y=False)
    new = augment_frame(frame, still, map_grid, make_generator(0, "still"))
    np.testing.assert_array_equal(new.points, frame.points)
    np.testing.assert_array_equal(new.map_masks, frame.map_masks)
    assert all((a == b).all() for a, b in zip(new.images, frame.images, strict=True))


def test_sensor_dropout_loses_one_sensor(frame: Frame, map_grid: Grid) -> None:
    always = AugmentConfig(sensor_dropout=1.0)
    lost = set()
    for seed in range(10):
        new = augment_frame(frame, always, map_grid, make_generator(seed, "drop"))
        dark, empty = not any(image.any() for image in new.images), len(new.points) == 0
        assert dark != empty
        lost.add(dark)
    assert lost == {True, False}
    assert len(drop_lidar(frame).ring) == 0
    assert not drop_camera(frame).images[0].any()


def test_transform_image_shifts_by_whole_pixels_exactly() -> None:
    image = np.random.default_rng(0).integers(0, 256, (10, 12, 3)).astype(np.uint8)
    shift = np.array([[1.0, 0, 3], [0, 1, -2], [0, 0, 1]])
    new = transform_image(image, shift, (10, 12))
    np.testing.assert_array_equal(new[:8, 3:], image[2:, :9])
    assert not new[:, :3].any()


def test_fitted_images_are_those_of_the_deployed_graph(frame: Frame, map_grid: Grid) -> None:
    still = AugmentConfig(rotation_deg=0, scale=(1, 1), flip_x=False, flip_y=False)
    smooth = tuple(
        np.stack([np.add.outer(np.arange(64), np.arange(128))] * 3, -1).astype(np.uint8)
        for _ in range(2)
    )
    raw = frame.replace(images=smooth)
    new = augment_frame(raw, still, map_grid, make_generator(0, "fit"), (24, 64))
    fit = ImageFit.from_sizes((64, 128), (24, 64))
    batch = collate_frames([raw])
    deployed = fit.resample_images(batch.images[0])[0].numpy() * 255
    np.testing.assert_allclose(new.images[0].transpose(2, 0, 1), deployed, atol=1.0)
    np.testing.assert_allclose(
        new.image_from_lidar, fit.adapt_matrices(batch.image_from_lidar[0]).numpy(), atol=1e-3
    )


def test_every_view_is_fitted_by_its_own_size(frame: Frame, map_grid: Grid) -> None:
    """A small camera beside a large one comes out as it does alone."""
    still = AugmentConfig(rotation_deg=0, scale=(1, 1), flip_x=False, flip_y=False)
    small = frame.replace(images=(frame.images[0][:20, :40], frame.images[1]))
    new = augment_frame(small, still, map_grid, make_generator(0, "fit"), (24, 64))
    for view, image in enumerate(small.images):
        affine = np.array(
            ImageFit.from_sizes((image.shape[0], image.shape[1]), (24, 64)).to_affine()
        )
        np.testing.assert_array_equal(new.images[view], transform_image(image, affine, (24, 64)))
        np.testing.assert_allclose(new.camera_K[view], affine @ frame.camera_K[view])
