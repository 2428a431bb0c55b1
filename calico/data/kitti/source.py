"""Frames of KITTI's object benchmark, to be converted.

The LiDAR's axes are ours. Labels are boxes in the rectified reference camera (x right, y down, z
forward) whose location is the centre of the bottom face. Objects of the type DontCare are areas of
the image, in which nothing is labelled. Nothing is labelled outside of the image either.

Source: the readme of KITTI's object development kit; the sensor setup on KITTI's page (the LiDAR is
1.73 m above the ground and 0.76 m before the rear axle).
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from calico.data.folder.calibration import LidarMount
from calico.data.folder.points import read_cloud
from calico.data.kitti.files import (
    DONT_CARE,
    KittiCalibration,
    KittiObject,
    read_calibration,
    read_labels,
)
from calico.data.nuscenes.contents import hash_contents
from calico.data.nuscenes.paths import DataFolder
from calico.data.source import FrameInfo
from calico.errors import CalicoError
from calico.files import read_text
from calico.files.images import read_image
from calico.frame import Bool, Boxes, Float32, Float64, Frame, Int64
from calico.geometry.boxes import points_in_boxes
from calico.geometry.camera import project_points
from calico.geometry.frames import from_yaw, invert_transform
from calico.geometry.grid import Grid
from calico.taxonomy import ObjectClass, Taxonomy

EGO_T_LIDAR: Float64 = from_yaw(0.0, (0.76, 0.0, 1.73))
VELODYNE = LidarMount("velodyne", EGO_T_LIDAR)
CAMERAS = ("image_2", "image_3")
"""The left colour camera, whose image was labelled, and the right one."""
READER_VERSION = 2
_NOTHING = ("AVE", "AAE")

ALL_TYPES = Taxonomy(
    name="kitti_types",
    classes=(
        ObjectClass("Car", 70.4, "vehicle", ("car",), undefined_errors=_NOTHING, min_overlap=0.7),
        ObjectClass("Van", 70.4, "vehicle", undefined_errors=_NOTHING, min_overlap=0.7),
        ObjectClass("Truck", 70.4, "vehicle", ("truck",), undefined_errors=_NOTHING),
        ObjectClass("Pedestrian", 48.0, "pedestrian", ("pedestrian",), undefined_errors=_NOTHING),
        ObjectClass("Person_sitting", 48.0, "pedestrian", undefined_errors=_NOTHING),
        ObjectClass("Cyclist", 48.0, "cycle", ("bicycle",), undefined_errors=_NOTHING),
        ObjectClass("Tram", 70.4, "special_vehicle", undefined_errors=_NOTHING),
        ObjectClass("Misc", 70.4, "object", undefined_errors=_NOTHING),
    ),
)
"""All labelled types. The three of the benchmark are `calico.taxonomy.KITTI`."""


class KittiSource:
    """A split of a folder in the layout of KITTI's object benchmark (a `FrameSource`).

    Every frame is a scene of its own: the benchmark's frames are in random order.
    """

    def __init__(
        self,
        root: Path,
        split: str = "all",
        cameras: tuple[str, ...] | None = None,
        taxonomy: Taxonomy = ALL_TYPES,
    ) -> None:
        """List the frames. No sensor file is opened.

        Args:
            root: The folder that holds training/, or training/ itself.
            split: A list of frame numbers in ImageSets/SPLIT.txt, or "all".
            cameras: Out of image_2 and image_3, or None for those that are there.
            taxonomy: Classes of the labels. Objects of no class are left out.

        Raises:
            CalicoError: The split is unknown, or a file of a frame is missing.
        """
        self._place = find_frames(root)
        self._folder = DataFolder(self._place)
        self._names = _list_frames(root, self._place, split)
        self.name = f"kitti {split}"
        self.taxonomy = taxonomy
        self.map_grid: Grid | None = None
        there = list_cameras(root)
        self.cameras = there if cameras is None else cameras
        self._has_labelled = CAMERAS[0] in there
        unknown = [name for name in self.cameras if name not in there]
        if unknown:
            raise CalicoError(
                f"data {root}: has no camera '{unknown[0]}'; expected data.cameras out of "
                f"{', '.join(there) or 'none'}"
            )
        for name in self._names:
            self._files(name)

    def __len__(self) -> int:
        return len(self._names)

    def __getitem__(self, index: int) -> Frame:
        """Load a frame; a CalicoError names the file if something is broken."""
        name = self._names[index]
        rig = read_calibration(self._file("calib", name, ".txt"))
        images = tuple(read_image(path) for path in self.image_files(index))
        cloud = read_cloud(self._file("velodyne", name, ".bin"), VELODYNE)
        points = np.concatenate(
            [cloud.xyz, cloud.intensity[:, None], np.zeros((len(cloud.xyz), 1))], axis=1
        ).astype(np.float32)
        views = [_split_projection(rig, "P" + camera[-1]) for camera in self.cameras]
        K = np.array([view[0] for view in views]).reshape(-1, 3, 3)
        camera_T_lidar = np.array([view[1] for view in views]).reshape(-1, 4, 4)
        objects = self._objects(name)
        unlabelled = None
        if self._has_labelled:
            image_from_lidar = np.eye(4)
            image_from_lidar[:3, :3], mount = _split_projection(rig, "P" + CAMERAS[0][-1])
            if CAMERAS[0] in self.cameras:
                shown = images[self.cameras.index(CAMERAS[0])]
            else:
                shown = read_image(self._file(CAMERAS[0], name, ".png"))
            unlabelled = _find_unlabelled(
                points, image_from_lidar @ mount, shown.shape[:2], objects
            )
        return Frame(
            token=name,
            scene=name,
            timestamp_s=0.0,
            points=points,
            ring=cloud.ring,
            sweep_index=np.zeros(len(points), np.int16),
            sweep_T=np.eye(4)[None],
            images=images,
            camera_K=K,
            camera_T_lidar=camera_T_lidar,
            camera_time_s=np.zeros(len(images)),
            ego_T_lidar=EGO_T_LIDAR,
            global_T_lidar=EGO_T_LIDAR,
            boxes=self._boxes(objects, rig, points),
            unlabelled=unlabelled,
            taxonomy=self.taxonomy,
        )

    def info(self, index: int) -> FrameInfo:
        """Return token and scene of a frame."""
        return FrameInfo(self._names[index], self._names[index])

    def labels(self, index: int) -> Int64:
        """Return the classes (M,) of a frame's objects, from its label file."""
        found = [self.taxonomy.label_of(one.kind) for one in self._objects(self._names[index])]
        return np.array([label for label in found if label is not None], np.int64)

    def annotations(self, index: int) -> Frame:
        """See `FrameSource`; this loads the points, which are counted."""
        return self[index].without_sensors()

    def image_sizes(self) -> frozenset[tuple[int, int]]:
        """Return every (height, width) of the images; this opens them."""
        sizes = set()
        for index in range(len(self)):
            sizes |= {read_image(path).shape[:2] for path in self.image_files(index)}
        return frozenset((int(height), int(width)) for height, width in sizes)

    def image_files(self, index: int) -> tuple[Path, ...]:
        """List the image files of a frame, in the order of the cameras."""
        return tuple(self._file(camera, self._names[index], ".png") for camera in self.cameras)

    def content_hash(self) -> str:
        """Return the digest of all files of the split."""
        files = {
            f"{name} {number}": path
            for name in self._names
            for number, path in enumerate(self._files(name))
        }
        start = repr((READER_VERSION, self.taxonomy, self.cameras))
        return hashlib.sha256((start + hash_contents(files)).encode()).hexdigest()

    def labels_hash(self) -> str:
        """See `FrameSource`; the points are counted, so that all files decide the labels."""
        return self.content_hash()

    def _files(self, name: str) -> list[Path]:
        files = [self._file("calib", name, ".txt"), self._file("velodyne", name, ".bin")]
        images = dict.fromkeys((*self.cameras, *CAMERAS[: self._has_labelled]))
        files += [self._file(camera, name, ".png") for camera in images]
        if (self._place / "label_2").is_dir():
            files.append(self._file("label_2", name, ".txt"))
        return files

    def _file(self, folder: str, name: str, ending: str) -> Path:
        path = self._folder.locate(f"{folder}/{name}{ending}", self._place, name)
        if not path.is_file():
            raise CalicoError(
                f"{path}: missing; expected it beside the other files of frame {name}"
            )
        return path

    def _objects(self, name: str) -> list[KittiObject]:
        if not (self._place / "label_2").is_dir():
            return []
        return read_labels(self._file("label_2", name, ".txt"))

    def _boxes(self, objects: list[KittiObject], rig: KittiCalibration, points: Float32) -> Boxes:
        found = [
            (one, label)
            for one in objects
            if (label := self.taxonomy.label_of(one.kind)) is not None
        ]
        boxes = np.array(
            [to_lidar_box(one, rig.rectified_T_velodyne) for one, _ in found], np.float32
        ).reshape(-1, 9)
        return Boxes(
            boxes,
            np.array([label for _, label in found], np.int64),
            np.full(len(found), -1, np.int64),
            points_in_boxes(points, boxes).sum(axis=1, dtype=np.int64),
            (),
            np.array([one.difficulty for one, _ in found], np.int64),
        )


def to_lidar_box(one: KittiObject, rectified_T_velodyne: Float64) -> Float64:
    """Express a label's box in the LiDAR frame.

    Args:
        one: The label; at `rotation_y` 0 the object looks along the camera's x axis.
        rectified_T_velodyne: (4, 4) takes LiDAR points to the rectified camera.

    Returns:
        (9,) x, y, z of the geometric centre, length, width, height, yaw, and NaN velocities.
    """
    height, width, length = one.size
    back = invert_transform(rectified_T_velodyne)
    x, y, z = one.location
    center = back[:3, :3] @ (x, y - height / 2, z) + back[:3, 3]
    ahead = back[:3, :3] @ (np.cos(one.rotation_y), 0.0, -np.sin(one.rotation_y))
    yaw = np.arctan2(ahead[1], ahead[0])
    return np.array([*center, length, width, height, yaw, np.nan, np.nan])


def find_frames(root: Path) -> Path:
    """Return the folder that holds velodyne/ and calib/.

    Args:
        root: It, or the one above.
    """
    return root / "training" if (root / "training").is_dir() else root


def list_cameras(root: Path) -> tuple[str, ...]:
    """List the colour cameras that have images.

    Args:
        root: See `find_frames`.
    """
    place = find_frames(root)
    return tuple(name for name in CAMERAS if (place / name).is_dir())


def _split_projection(rig: KittiCalibration, name: str) -> tuple[Float64, Float64]:
    """Intrinsics (3, 3) of a camera and its camera_T_lidar (4, 4).

    The last column of the projection is K t, with the place t of the reference camera.
    """
    if name not in rig.projections:
        raise CalicoError(f"calibration: has no line {name}, which the images need")
    projection = rig.projections[name]
    K = projection[:, :3]
    shift = np.eye(4)
    shift[:3, 3] = np.linalg.solve(K, projection[:, 3])
    return K, shift @ rig.rectified_T_velodyne


def _find_unlabelled(
    points: Float32,
    image_from_lidar: Float64,
    size_hw: tuple[int, ...],
    objects: list[KittiObject],
) -> Bool:
    """(N,) points outside of the image that was labelled, and in its DontCare areas."""
    pixels, _, visible = project_points(image_from_lidar, points, (size_hw[0], size_hw[1]))
    result: Bool = ~visible
    for one in objects:
        if one.kind == DONT_CARE:
            u, v = pixels[:, 0], pixels[:, 1]
            result |= (u >= one.left) & (u <= one.right) & (v >= one.top) & (v <= one.bottom)
    return result


def _list_frames(root: Path, place: Path, split: str) -> tuple[str, ...]:
    """Names of the frames of a split."""
    if split == "all":
        names = sorted(path.stem for path in (place / "velodyne").glob("*.bin"))
    else:
        lists = [parent / "ImageSets" / f"{split}.txt" for parent in (root, place.parent)]
        path = next((one for one in lists if one.is_file()), None)
        if path is None or "/" in split:
            raise CalicoError(
                f"data {root}: no list {lists[0]} of the split '{split}'; write one, or take "
                "--split all"
            )
        names = read_text(path, 1 << 20, "list of frames").split()
    if not names:
        raise CalicoError(f"data {root}: split '{split}' has no frames")
    wrong = [name for name in names if not name.replace("_", "").isalnum()]
    if wrong or len(set(names)) < len(names):
        raise CalicoError(
            f"data {root}: split '{split}' names {ascii((wrong or names)[0])[:60]} wrongly or "
            "twice, expected numbers such as 000123"
        )
    return tuple(names)
