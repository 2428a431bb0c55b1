"""Frames of nuScenes and of data sets in its format."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Callable, Sequence
from functools import partial
from itertools import accumulate
from pathlib import Path

import numpy as np

from calico.config.taxonomy import describe_taxonomy
from calico.data.nuscenes.contents import hash_contents
from calico.data.nuscenes.index import SMALLEST_TABLES, IndexSettings, open_scenes
from calico.data.nuscenes.index_scenes import SceneIndex
from calico.data.nuscenes.manifest import is_corrupted_copy
from calico.data.nuscenes.maps import MAX_MAP_BYTES, map_path, read_map
from calico.data.nuscenes.paths import DataFolder
from calico.data.nuscenes.records import SampleRecord, SensorRecord
from calico.data.nuscenes.scenes import Scene
from calico.data.nuscenes.sensors import read_image, read_points
from calico.data.nuscenes.splits import split_scenes
from calico.data.nuscenes.tables import Tables
from calico.data.source import FrameInfo
from calico.errors import CalicoError
from calico.files import read_bytes
from calico.frame import Bool, Float64, Frame, Int64
from calico.geometry.frames import invert_transform, transform_points
from calico.geometry.grid import Grid
from calico.geometry.vector_map import VectorMap
from calico.taxonomy import CAMERAS, NUSCENES, Taxonomy

READER_VERSION = 2
"""Part of content_hash: raise it when the reader makes other frames of the same files."""


class FrameLoader:
    """Makes frames of records. Keeps the maps it has read; they stay behind when it is pickled."""

    def __init__(
        self, folder: DataFolder, table: Path, map_grid: Grid | None, taxonomy: Taxonomy
    ) -> None:
        self.folder = folder
        self.taxonomy = taxonomy
        self._any_intensity = is_corrupted_copy(folder.root)
        self.table = table
        self.map_grid = map_grid
        self._maps: dict[str, VectorMap] = {}

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_maps": {}}

    def path(self, record: SensorRecord) -> Path:
        """The file of a record, inside the data set's folder."""
        return self.folder.locate(record.filename, self.table, record.token)

    def load(self, scene: Scene, position: int) -> Frame:
        """Load one keyframe.

        Args:
            scene: Keyframes of the scene, in order.
            position: Position of the keyframe in it.

        Raises:
            CalicoError: A file is broken; the message names file and token.
        """
        sample = scene[position]
        key = sample.lidar[0]
        global_T_lidar = key.global_T_sensor()
        points, ring, sweep_index, sweep_T = self._points(sample, invert_transform(global_T_lidar))
        views = len(sample.cameras)
        return Frame(
            token=sample.token,
            scene=sample.scene,
            timestamp_s=key.timestamp_us * 1e-6,
            points=points,
            ring=ring,
            sweep_index=sweep_index,
            sweep_T=sweep_T,
            images=tuple(
                read_image(self.path(camera), camera.token, camera.size_wh)
                for camera in sample.cameras
            ),
            camera_K=np.array([camera.camera_K for camera in sample.cameras], np.float64).reshape(
                views, 3, 3
            ),
            camera_T_lidar=np.array(
                [
                    invert_transform(camera.global_T_sensor()) @ global_T_lidar
                    for camera in sample.cameras
                ],
                np.float64,
            ).reshape(views, 4, 4),
            camera_time_s=np.array(
                [camera.timestamp_us * 1e-6 for camera in sample.cameras], np.float64
            ),
            ego_T_lidar=key.ego_T_sensor(),
            global_T_lidar=global_T_lidar,
            boxes=sample.boxes,
            map_masks=self._map_masks(sample.location, global_T_lidar),
            taxonomy=self.taxonomy,
            previous=partial(self.load, scene, position - 1) if position > 0 else None,
        )

    def _points(self, sample: SampleRecord, lidar_T_global: Float64) -> tuple[np.ndarray, ...]:
        """Load points (N, 5), rings, sweep indices and sweep poses.

        Older sweeps are moved by the ego poses of both times.
        """
        clouds, rings, indices, poses = [], [], [], []
        for index, record in enumerate(sample.lidar):
            cloud, ring = read_points(
                self.path(record), record.token, record.is_key_frame, self._any_intensity
            )
            lidar_T_sweep = lidar_T_global @ record.global_T_sensor() if index else np.eye(4)
            xyz = transform_points(lidar_T_sweep, cloud[:, :3]) if index else cloud[:, :3]
            age_s = np.full(
                (len(cloud), 1),
                (sample.lidar[0].timestamp_us - record.timestamp_us) * 1e-6,
                np.float32,
            )
            clouds.append(np.concatenate([xyz, cloud[:, 3:4], age_s], axis=1))
            rings.append(ring)
            indices.append(np.full(len(cloud), index, np.int16))
            poses.append(lidar_T_sweep)
        return (
            np.concatenate(clouds),
            np.concatenate(rings),
            np.concatenate(indices),
            np.stack(poses),
        )

    def _map_masks(self, location: str, global_T_lidar: Float64) -> Bool | None:
        if self.map_grid is None:
            return None
        if location not in self._maps:
            self._maps[location] = read_map(find_map(self.folder, location))
        return self._maps[location].masks(global_T_lidar, self.map_grid, self.taxonomy)


class NuScenesSource:
    """A split of a data set in the nuScenes v1.0 format (a `FrameSource`).

    LiDAR axes are turned to ours. Older sweeps are moved into the keyframe by the ego poses. Points
    of the vehicle itself (|x| and |y| below 1 m) are left out, and intensities are divided by 255.
    Boxes are those of the taxonomy's classes. Only the records of the split are kept, not the
    tables, so that workers get a small copy.
    """

    def __init__(
        self,
        root: Path,
        version: str,
        split: str,
        map_grid: Grid | None,
        cameras: tuple[str, ...] = CAMERAS,
        sweeps: int = 1,
        follow_links: bool = False,
        taxonomy: Taxonomy = NUSCENES,
        cache_dir: Path | None = None,
        smallest_indexed: int = SMALLEST_TABLES,
        progress: Callable[[int, int], None] | None = None,
    ) -> None:
        """Open the index of the tables, or read the tables (see `index`).

        Args:
            root: Folder with samples/, sweeps/, maps/ and the tables' folder.
            version: The tables' folder, e.g. v1.0-trainval.
            split: See `splits.split_scenes`.
            map_grid: The cells of the map masks. A data set without maps/expansion gives no masks,
                and its `map_grid` is None.
            cameras: Channels, in the order of the views.
            sweeps: LiDAR sweeps per frame, the keyframe's included.
            follow_links: See `paths.DataFolder`.
            taxonomy: Classes of labels and masks. Its sources are nuScenes' detection classes and
                map classes, or categories of the tables. Objects of no class get no box.
            cache_dir: Folder of the index. None for calico/nuscenes in the user's cache folder.
            smallest_indexed: Size of the smallest tables that get an index [bytes].
            progress: Called with (percent done, 100) while an index is made.

        Raises:
            CalicoError: Tables or references are broken, the split is unknown, a sample lacks a
                camera, or only some of the maps are there.
        """
        tables = Tables(root, version)
        settings = IndexSettings(
            cameras, sweeps, taxonomy, READER_VERSION, cache_dir, smallest_indexed
        )
        store = open_scenes(tables, settings, progress)
        scenes = split_scenes(tables.folder, split, store.scene_names())
        self.name = f"nuscenes {version} {split}"
        self.cameras = cameras
        self.taxonomy = taxonomy
        self._scenes = store.scenes(scenes)
        self.index_file = store.path if isinstance(store, SceneIndex) else None
        self._ends = tuple(accumulate(map(len, self._scenes)))
        locations = sorted({scene.location for scene in self._scenes if len(scene)})
        folder = DataFolder(root, follow_links)
        wants_map = map_grid is not None and bool(taxonomy.map_classes)
        self._maps = available_maps(folder, locations) if wants_map else ()
        self.map_grid = map_grid if self._maps else None
        self._hash: str | None = None
        self._loader = FrameLoader(folder, tables.path("sample_data"), self.map_grid, taxonomy)

    def __len__(self) -> int:
        return self._ends[-1]

    def __getitem__(self, index: int) -> Frame:
        """Load a frame; a CalicoError names file and token if something is broken."""
        return self._loader.load(*self._find(index))

    def info(self, index: int) -> FrameInfo:
        """Return token and scene of a frame."""
        sample = self.record(index)
        return FrameInfo(sample.token, sample.scene)

    def labels(self, index: int) -> Int64:
        """Return the classes (M,) of a frame's objects, from the tables."""
        scene, position = self._find(index)
        return scene.boxes(position).labels

    def annotations(self, index: int) -> Frame:
        """See `FrameSource`; no sensor file is opened."""
        sample = self.record(index)
        key = sample.lidar[0]
        time_s = key.timestamp_us * 1e-6
        return Frame.of_labels(
            sample.token,
            sample.scene,
            time_s,
            key.ego_T_sensor(),
            key.global_T_sensor(),
            sample.boxes,
            self.taxonomy,
        )

    def record(self, index: int) -> SampleRecord:
        """Return what the tables say about a frame, without opening its files."""
        scene, position = self._find(index)
        return scene[position]

    def files(self, index: int) -> list[tuple[SensorRecord, Path]]:
        """List every file of a frame, with its record."""
        sample = self.record(index)
        return [(record, self._loader.path(record)) for record in (*sample.lidar, *sample.cameras)]

    def image_files(self, index: int) -> tuple[Path, ...]:
        """List the image files of a frame, in the order of the cameras."""
        return tuple(self._loader.path(one) for one in self.record(index).cameras)

    def image_sizes(self) -> frozenset[tuple[int, int]]:
        """Return every (height, width) that the tables state."""
        return frozenset(size for scene in self._scenes for size in scene.image_sizes())

    def content_hash(self) -> str:
        """Return the digest of the split; it is computed once.

        It covers all records, the sensor files (`contents.hash_contents` says how far), the map
        files, the grid and the reader's version.
        """
        if self._hash is None:
            self._hash = self._hash_all()
        return self._hash

    def labels_hash(self) -> str:
        """Return the digest of the records and the reader's version; no sensor file is opened."""
        return self._hash_records("labels").hexdigest()

    def _find(self, index: int) -> tuple[Scene, int]:
        """Find the scene of a frame and the frame's position in it."""
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        number = index % len(self)
        place = bisect_right(self._ends, number)
        scene = self._scenes[place]
        return scene, number - self._ends[place] + len(scene)

    def _hash_all(self) -> str:
        digest = self._hash_records((self.cameras, self.map_grid))
        samples = map(self.files, range(len(self)))
        digest.update(
            hash_contents(
                {record.token: path for files in samples for record, path in files}
            ).encode()
        )
        for path in self._maps:
            digest.update(read_bytes(path, MAX_MAP_BYTES, "map"))
        return digest.hexdigest()

    def _hash_records(self, more: object) -> hashlib._Hash:
        """Digest of what the tables say of every frame, and of a few more things."""
        digest = hashlib.sha256(repr((READER_VERSION, more)).encode())
        if self.taxonomy != NUSCENES:  # whose hashes stay those of versions that knew no other one
            digest.update(repr(describe_taxonomy(self.taxonomy)).encode())
        for index in range(len(self)):
            sample = self.record(index)
            digest.update(
                repr(
                    (sample.token, sample.scene, sample.location, sample.lidar, sample.cameras)
                ).encode()
            )
            boxes = sample.boxes
            for values in (boxes.boxes, boxes.labels, boxes.attributes, boxes.num_points):
                digest.update(values.tobytes())
            digest.update(repr(boxes.instances).encode())
        return digest


def find_map(folder: DataFolder, location: str) -> Path:
    """Find the file of a location's map, whether it exists or not.

    Args:
        folder: The data set.
        location: Name of the location.

    Raises:
        CalicoError: The name or a link leads out of the folder.
    """
    path = map_path(folder.root, location)
    if path.exists():
        folder.check_links(path, f"map of location '{location}'")
    return path


def available_maps(folder: DataFolder, locations: Sequence[str]) -> tuple[Path, ...]:
    """List the map files of the locations; none if the data set has no map at all.

    Args:
        folder: The data set.
        locations: Names of the locations.

    Raises:
        CalicoError: Some files are missing, so that only some frames would have a map.
    """
    paths = [find_map(folder, location) for location in locations]
    missing = [path for path in paths if not path.exists()]
    if missing and len(missing) < len(paths):
        raise CalicoError(
            f"{missing[0]}: missing, while {len(paths) - len(missing)} of {len(paths)} maps of the "
            "split are there; "
            "fetch the whole map expansion, or move maps/expansion away to work without maps"
        )
    return () if missing else tuple(paths)
