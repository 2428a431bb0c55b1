"""The simulator as a data set: frames on demand, cached on disk."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Literal

from calico.config.data import SimConfig
from calico.config.taxonomy import describe_taxonomy
from calico.data.sim.cache import default_cache_dir, load_frame, save_frame
from calico.data.sim.compose import compose_frame
from calico.data.sim.map_raster import AREAS
from calico.data.sim.rig import MOUNTS
from calico.data.sim.sizes import MEAN
from calico.data.sim.world import World, build_world
from calico.data.source import FrameInfo
from calico.errors import CalicoError
from calico.frame import Frame, Int64
from calico.geometry.grid import Grid
from calico.seeds import derive_seed
from calico.taxonomy import CAMERAS, NUSCENES, Taxonomy
from calico.workers import run_jobs

SIM_VERSION = 4
"""Raised whenever any byte of any frame changes; part of the cache key."""

Split = Literal["train", "val", "test"]


class SimSource:
    """One split of the simulated world (see docs/explanation/simulator.md).

    It implements `calico.data.source.FrameSource`.

    Args:
        config: Number of scenes and frames, the world's seed, the image size.
        split: "train", "val" or "test", which are different worlds.
        map_grid: Grid of the map masks.
        cameras: Names out of `taxonomy.CAMERAS`.
        sweeps: LiDAR sweeps per frame, the keyframe's included, 0.05 s apart. 1 to 10.
        cache_dir: Folder of the rendered frames; by default calico/sim in the user's cache folder.
        taxonomy: Classes of labels and masks. Its sources are the simulator's objects
            (`sizes.MEAN`) and areas (`map_raster.AREAS`), which have nuScenes' names.

    Raises:
        CalicoError: The split or a camera is unknown, or `sweeps` is out of range.
    """

    def __init__(
        self,
        config: SimConfig,
        split: Split,
        map_grid: Grid,
        cameras: tuple[str, ...] = CAMERAS,
        sweeps: int = 1,
        cache_dir: Path | None = None,
        taxonomy: Taxonomy = NUSCENES,
    ) -> None:
        scenes = {
            "train": config.train_scenes,
            "val": config.val_scenes,
            "test": config.test_scenes,
        }
        if split not in scenes:
            raise CalicoError(
                f"simulator: got split '{split}', expected one of {', '.join(scenes)}"
            )
        unknown = [camera for camera in cameras if camera not in MOUNTS]
        if unknown:
            raise CalicoError(
                f"simulator: unknown camera '{unknown[0]}', expected names out of "
                f"{', '.join(MOUNTS)}"
            )
        if not cameras:
            raise CalicoError(
                "simulator: got no cameras, expected at least one (data.cameras); a LiDAR-only "
                "model ignores it"
            )
        if not 1 <= sweeps <= 10:
            raise CalicoError(f"simulator: got {sweeps} sweeps, expected 1 to 10 (data.sweeps)")
        taxonomy.check_sources(MEAN, AREAS, "simulator")
        self.name = f"sim-{split}"
        self.taxonomy = taxonomy
        self.config = config
        self.split: Split = split
        self.map_grid: Grid | None = map_grid
        self.cameras = cameras
        self.sweeps = sweeps
        self._grid = map_grid
        self._scenes = scenes[split]
        self._folder = (cache_dir or default_cache_dir()) / self._frame_key()
        self._world: tuple[int, World] | None = None

    def __len__(self) -> int:
        return self._scenes * self.config.frames_per_scene

    def __getitem__(self, index: int) -> Frame:
        """The frame of an index, from the cache or made now. Negative indices count from the end.

        Raises:
            IndexError: out of range.
        """
        index = self._checked(index)
        path = self._path(index)
        frame = load_frame(path, self.info(index).token, self._folder.name, self.taxonomy)
        if frame is None:
            frame = self._make(index)
            save_frame(path, frame, self._folder.name)
        first = index % self.config.frames_per_scene == 0
        return frame.replace(previous=None if first else partial(self.__getitem__, index - 1))

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_world": None}

    def info(self, index: int) -> FrameInfo:
        """Token and scene of an index."""
        scene, key = divmod(self._checked(index), self.config.frames_per_scene)
        name = f"{self.name}-{self.config.seed}-{scene:03d}"
        return FrameInfo(f"{name}-{key:03d}", name)

    def annotations(self, index: int) -> Frame:
        """See `FrameSource` (loads the frame)."""
        return self[index].without_sensors()

    def labels(self, index: int) -> Int64:
        """Return the classes (M,) of a frame's objects; this loads the frame."""
        return self[index].boxes.labels

    def image_sizes(self) -> frozenset[tuple[int, int]]:
        """Return the one size of all cameras."""
        return frozenset({self.config.image_size})

    def content_hash(self) -> str:
        """Return a digest of everything that decides the frames' bytes and their number."""
        return hashlib.sha256(f"{self._frame_key()}/{len(self)}".encode()).hexdigest()

    def labels_hash(self) -> str:
        """See `FrameSource`; the same things decide labels and sensor data."""
        return self.content_hash()

    def prepare(self, workers: int, progress: Callable[[int, int], None] | None = None) -> None:
        """Fill the cache, scene by scene.

        Args:
            workers: Number of worker processes; 0 or 1 works in this process.
            progress: Called in this process with (frames done, frames in all).
        """
        scenes: dict[int, list[int]] = {}
        for index in range(len(self)):
            if not self._path(index).exists():
                scenes.setdefault(index // self.config.frames_per_scene, []).append(index)
        done = len(self) - sum(map(len, scenes.values()))
        if progress is not None:
            progress(done, len(self))
        if workers <= 1:
            for indices in scenes.values():
                for index in indices:
                    self[index]
                    done += 1
                    if progress is not None:
                        progress(done, len(self))
            return
        for count in run_jobs(
            _prepare, [(self, part) for part in scenes.values()], workers, f"simulating {self.name}"
        ):
            done += count
            if progress is not None:
                progress(done, len(self))

    def _checked(self, index: int) -> int:
        if not -len(self) <= index < len(self):
            raise IndexError(f"{self.name}: frame {index} of {len(self)}")
        return index % len(self)

    def _path(self, index: int) -> Path:
        return self._folder / f"{self.info(index).token}.npz"

    def _frame_key(self) -> str:
        """Names what decides the bytes of single frames."""
        parts: dict[str, object] = {
            "version": SIM_VERSION,
            "seed": self.config.seed,
            "split": self.split,
            "frames_per_scene": self.config.frames_per_scene,
            "image_size": self.config.image_size,
            "grid": asdict(self._grid),
            "cameras": self.cameras,
            "sweeps": self.sweeps,
        }
        if self.taxonomy != NUSCENES:  # whose frames keep the key that they had before others
            parts["taxonomy"] = describe_taxonomy(self.taxonomy)
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:20]

    def _make(self, index: int) -> Frame:
        scene, key = divmod(index, self.config.frames_per_scene)
        if self._world is None or self._world[0] != scene:
            self._world = (
                scene,
                build_world(self.config.seed, self.split, scene, self.config.frames_per_scene),
            )
        info = self.info(index)
        noise = derive_seed(self.config.seed, "sim", self.split, scene, "sensors", key)
        return compose_frame(
            self._world[1],
            (info.token, info.scene),
            key,
            noise,
            self._grid,
            self.cameras,
            self.config.image_size,
            self.sweeps,
            self.taxonomy,
        )


def _prepare(source: SimSource, indices: list[int]) -> int:
    for index in indices:
        source[index]
    return len(indices)
