"""Points of a TFRecord file by the official code. Runs in the environment of `make waymo-env`.

    python official_points.py FILE OUT.npz

OUT holds `points_<frame>_<laser>_<return>` (N, 3) float32 in the vehicle frame. It imports nothing
of this project.
"""

import sys

import numpy as np
import tensorflow as tf
from waymo_open_dataset import dataset_pb2
from waymo_open_dataset.utils import frame_utils


def convert(path: str) -> dict:
    arrays = {}
    for number, record in enumerate(tf.data.TFRecordDataset(path)):
        frame = dataset_pb2.Frame.FromString(record.numpy())
        images, projections, _, top_pose = frame_utils.parse_range_image_and_camera_projection(
            frame
        )
        for laser, returns in images.items():  # the files of this project hold no projections
            for index, image in enumerate(returns):
                shape = [*image.shape.dims[:2], 6]
                projections[laser][index].shape.dims[:] = shape
                projections[laser][index].data[:] = [0] * int(np.prod(shape))
        for index in range(2):
            points, _ = frame_utils.convert_range_image_to_point_cloud(
                frame, images, projections, top_pose, ri_index=index
            )
            for calibration, cloud in zip(
                sorted(frame.context.laser_calibrations, key=lambda one: one.name),
                points,
                strict=True,
            ):
                arrays[f"points_{number}_{calibration.name}_{index + 1}"] = cloud
    return arrays


if __name__ == "__main__":
    np.savez(sys.argv[2], **convert(sys.argv[1]))
