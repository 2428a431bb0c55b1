"""Training augmentation in 3D and in the images, with calibration, boxes and map kept in step."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import ndimage

from calico.config.training import AugmentConfig
from calico.frame import Bool, Float64, Frame, UInt8
from calico.geometry.frames import wrap_angle
from calico.geometry.grid import Grid
from calico.geometry.image_fit import ImageFit


def augment_frame(
    frame: Frame,
    config: AugmentConfig,
    map_grid: Grid | None,
    rng: np.random.Generator,
    image_size: tuple[int, int] | None = None,
) -> Frame:
    """Draw one random view of a frame: in 3D and in the images.

    The frame is turned, scaled, mirrored and shifted in 3D. Its images are resized, turned and
    mirrored.

    Args:
        frame: A frame as loaded. It is not changed.
        config: Ranges of the augmentation.
        map_grid: Grid of the frame's map masks.
        rng: The stream of this frame and epoch.
        image_size: Height and width that the network sees. Images are fitted to it in the one
            resampling that augments them, by the same rule as in the deployed graph
            (`calico.geometry.image_fit.ImageFit`). None keeps their sizes.

    Returns:
        A frame whose `image_from_lidar` still takes every point to its pixel. `ego_T_lidar`,
        `global_T_lidar` and `sweep_T` keep the unaugmented values: an augmented frame is for
        training only.
    """
    result = transform_scene(frame, _draw_scene_transform(config, rng), map_grid)
    if frame.images:
        result = _augment_images(result, config, rng, image_size)
    if config.sensor_dropout and rng.random() < config.sensor_dropout:
        result = drop_camera(result) if rng.random() < 0.5 else drop_lidar(result)
    return result


def drop_camera(frame: Frame) -> Frame:
    """All images black."""
    return frame.replace(images=tuple(np.zeros_like(image) for image in frame.images))


def drop_lidar(frame: Frame) -> Frame:
    """No points."""
    return frame.take_points(np.zeros(len(frame.points), np.bool_))


def transform_scene(frame: Frame, new_T_old: Float64, map_grid: Grid | None) -> Frame:
    """Applies a similarity of the ground plane to everything in the LiDAR frame.

    Args:
        frame: any frame.
        new_T_old: (4, 4) turn about z, uniform scale, mirror, shift.
        map_grid: the grid of `frame.map_masks`; cells that come from outside it become unknown.
    """
    linear = new_T_old[:3, :3]
    scale = float(np.cbrt(abs(np.linalg.det(linear))))
    points = frame.points.copy()
    points[:, :3] = frame.points[:, :3] @ linear.T.astype(np.float32) + new_T_old[:3, 3].astype(
        np.float32
    )
    boxes = frame.boxes.boxes.copy()
    boxes[:, :3] = boxes[:, :3] @ linear.T + new_T_old[:3, 3]
    boxes[:, 3:6] *= scale
    heading = np.stack([np.cos(boxes[:, 6]), np.sin(boxes[:, 6])], axis=1) @ linear[:2, :2].T
    boxes[:, 6] = wrap_angle(np.arctan2(heading[:, 1], heading[:, 0]))
    boxes[:, 7:9] = boxes[:, 7:9] @ linear[:2, :2].T
    masks, known = frame.map_masks, frame.map_known
    if masks is not None and map_grid is not None:
        masks, known = _transform_map(masks, known, new_T_old, map_grid)
    return frame.replace(
        points=points,
        boxes=replace(frame.boxes, boxes=boxes, camera_synced=None),
        camera_T_lidar=frame.camera_T_lidar @ np.linalg.inv(new_T_old),
        map_masks=masks,
        map_known=known,
    )


def transform_image(image: UInt8, new_from_old: Float64, size_hw: tuple[int, int]) -> UInt8:
    """Resample an image bilinearly under an affine map of its pixels.

    Args:
        image: (H, W, 3) uint8.
        new_from_old: (3, 3) matrix that takes (u, v, 1) of the image to the new one.
        size_hw: Height and width of the new image [px].

    Returns:
        (height, width, 3) uint8, black where the old image has no pixel.
    """
    old_from_new = np.linalg.inv(new_from_old)
    swap = np.array([[0, 1], [1, 0]])  # scipy counts rows first
    matrix = swap @ old_from_new[:2, :2] @ swap
    offset = old_from_new[[1, 0], 2]
    channels = [
        ndimage.affine_transform(
            image[..., c], matrix, offset, output_shape=size_hw, order=1, output=np.uint8
        )
        for c in range(3)
    ]
    return np.stack(channels, axis=-1)


def _draw_scene_transform(config: AugmentConfig, rng: np.random.Generator) -> Float64:
    angle = np.deg2rad(rng.uniform(-config.rotation_deg, config.rotation_deg))
    scale = rng.uniform(*config.scale)
    mirror_x = -1.0 if config.flip_x and rng.random() < 0.5 else 1.0
    mirror_y = -1.0 if config.flip_y and rng.random() < 0.5 else 1.0
    c, s = np.cos(angle), np.sin(angle)
    result = np.eye(4)
    result[:3, :3] = (
        scale * np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) @ np.diag([mirror_x, mirror_y, 1.0])
    )
    result[:3, 3] = rng.normal(0.0, 1.0, 3) * config.translation_m
    return result


def _transform_map(
    masks: Bool, known: Bool | None, new_T_old: Float64, grid: Grid
) -> tuple[Bool, Bool]:
    """Nearest-cell lookup of every new cell's centre in the old masks."""
    linear, shift = new_T_old[:2, :2], new_T_old[:2, 3]
    rows, columns = grid.shape
    old_xy = (grid.cell_centers().reshape(-1, 2) - shift) @ np.linalg.inv(linear).T
    iy, ix, inside = grid.locate_cells(old_xy)
    iy, ix = np.clip(iy, 0, rows - 1), np.clip(ix, 0, columns - 1)
    new_known = inside if known is None else inside & known[iy, ix]
    new_masks = masks[:, iy, ix] & inside
    return new_masks.reshape(masks.shape), new_known.reshape(rows, columns)


def _augment_images(
    frame: Frame,
    config: AugmentConfig,
    rng: np.random.Generator,
    image_size: tuple[int, int] | None,
) -> Frame:
    """Fit each view to the network's size, then resize it about its centre, turn and mirror it."""
    images, intrinsics = [], frame.camera_K.copy()
    for view, image in enumerate(frame.images):
        raw_hw = (image.shape[0], image.shape[1])
        size_hw = image_size or raw_hw
        fit = np.array(ImageFit.from_sizes(raw_hw, size_hw).to_affine())
        affine = _draw_image_transform(config, rng, size_hw) @ fit
        if image.shape[:2] == size_hw and np.array_equal(affine, np.eye(3)):
            images.append(image.copy())
            continue
        images.append(transform_image(image, affine, size_hw))
        intrinsics[view] = affine @ intrinsics[view]
    return frame.replace(images=tuple(images), camera_K=intrinsics)


def _draw_image_transform(
    config: AugmentConfig, rng: np.random.Generator, size_hw: tuple[int, int]
) -> Float64:
    """(3, 3) on pixels (u, v, 1): resize about the centre, turn, mirror."""
    resize = rng.uniform(*config.image_resize)
    angle = np.deg2rad(rng.uniform(-config.image_rotation_deg, config.image_rotation_deg))
    mirror = -1.0 if config.image_flip and rng.random() < 0.5 else 1.0
    center = np.array([(size_hw[1] - 1) / 2, (size_hw[0] - 1) / 2])
    c, s = np.cos(angle), np.sin(angle)
    affine = np.eye(3)
    affine[:2, :2] = resize * np.array([[c, -s], [s, c]]) @ np.diag([mirror, 1.0])
    affine[:2, 2] = center - affine[:2, :2] @ center
    return affine
