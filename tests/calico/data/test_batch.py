import numpy as np
import pytest
import torch

from calico.data.batch import collate_frames
from calico.errors import CalicoError
from calico.frame import Frame


def test_shapes_padding_and_values(frame: Frame) -> None:
    short = frame.replace(
        points=frame.points[:10], ring=frame.ring[:10], sweep_index=frame.sweep_index[:10]
    )
    batch = collate_frames([frame, short])
    n = len(frame.points)
    assert batch.points.shape == (2, n, 5)
    assert batch.point_mask.sum(dim=1).tolist() == [n, 10]
    assert not batch.points[1, 10:].any()
    assert batch.images.shape == (2, 2, 3, 64, 128)
    np.testing.assert_array_equal(
        batch.images[0, 1, 2].mul(255).round().byte().numpy(), frame.images[1][..., 2]
    )
    point = torch.tensor([8.0, 1.0, -1.0, 1.0])
    u, v, d, one = batch.image_from_lidar[0, 0] @ point
    assert (round(float(u / d), 3), round(float(v / d), 3), float(d), float(one)) == (
        55.5,
        39.5,
        8.0,
        1.0,
    )


def test_unseen_objects_are_left_out(frame: Frame) -> None:
    boxes = frame.boxes
    hidden = type(boxes)(
        boxes.boxes, boxes.labels, boxes.attributes, np.array([3, 0]), boxes.instances
    )
    assert collate_frames([frame.replace(boxes=hidden)]).labels[0].tolist() == [0]


def test_unknown_map_cells_are_marked(frame: Frame) -> None:
    known = np.ones((64, 64), np.bool_)
    known[:, :5] = False
    maps = collate_frames([frame.replace(map_known=known)]).map_masks
    assert maps is not None
    assert (maps[..., :5] == -1).all()
    assert set(maps[..., 5:].unique().tolist()) == {0.0, 1.0}
    assert collate_frames([frame, frame.replace(map_masks=None)]).map_masks is None


def test_smaller_images_are_padded_right_and_below(frame: Frame) -> None:
    small = frame.replace(images=(frame.images[0][:32, :64], frame.images[1]))
    batch = collate_frames([small, frame])
    images = batch.images
    assert images.shape[-2:] == (64, 128)
    assert batch.image_sizes == (((32, 64), (64, 128)), ((64, 128), (64, 128)))
    assert collate_frames([frame]).image_sizes == ()
    assert not images[0, 0, :, 32:].any()
    assert not images[0, 0, :, :, 64:].any()


def test_an_empty_cloud_is_legal(frame: Frame) -> None:
    empty = frame.replace(
        points=frame.points[:0], ring=frame.ring[:0], sweep_index=frame.sweep_index[:0]
    )
    batch = collate_frames([empty])
    assert batch.points.shape == (1, 1, 5)
    assert not batch.point_mask.any()


def test_every_guard_fires(frame: Frame) -> None:
    with pytest.raises(CalicoError, match="no frames"):
        collate_frames([])
    one_camera = frame.replace(
        images=frame.images[:1],
        camera_K=frame.camera_K[:1],
        camera_T_lidar=frame.camera_T_lidar[:1],
        camera_time_s=frame.camera_time_s[:1],
    )
    with pytest.raises(CalicoError, match=r"\[1, 2\] cameras"):
        collate_frames([frame, one_camera])


def test_raw_images_become_the_same_numbers_when_they_are_moved(frame: Frame) -> None:
    raw, scaled = collate_frames([frame], raw_images=True), collate_frames([frame])
    assert raw.images.dtype == torch.uint8
    moved = raw.to("cpu")
    assert moved.images.dtype == torch.float32
    assert torch.equal(moved.images, scaled.images)
    assert moved.images.stride() == scaled.images.stride()
    assert torch.equal(scaled.to("cpu").images, scaled.images)


def test_every_byte_becomes_the_nearest_float_of_its_share(frame: Frame) -> None:
    levels = np.arange(256, dtype=np.uint8).repeat(3).reshape(16, 16, 3)
    K, poses = frame.camera_K[:1], frame.camera_T_lidar[:1]
    one = frame.replace(images=(levels,), camera_K=K, camera_T_lidar=poses,
                        camera_time_s=frame.camera_time_s[:1])  # fmt: skip
    found = collate_frames([one], raw_images=True).to("cpu").images[0, 0, 0].numpy().ravel()
    expected = np.arange(256, dtype=np.float32) / np.float32(255)
    assert found.tobytes() == expected.tobytes()
