"""From one layout of data to another."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from calico.config.schema import Config
from calico.data.layouts import Layout
from calico.data.open import open_named
from calico.data.root import UNFINISHED, find_data_root
from calico.data.source import FrameSource
from calico.data.waymo.records import Segment, WaymoRecord
from calico.data.waymo.segments import SPLITS
from calico.errors import CalicoError
from calico.files import write_atomic

Progress = Callable[[int, int], None]
Target = Literal["folder", "nuscenes", "waymo-v1", "waymo-v2", "kitti", "argoverse2"]
TARGETS: tuple[Target, ...] = get_args(Target)
SMALL_TOP, SMALL_SIDE, SMALL_WIDTH = (16, 660), (50, 150), 480


def convert_data(
    config: Config,
    layout: Layout | Literal["sim"],
    target: Target,
    splits: Sequence[str],
    out: Path,
    progress: Progress | None = None,
    *,
    small: bool = False,
) -> int:
    """Write the frames of some splits in another layout.

    Args:
        config: Configuration of the data that are read.
        layout: Their layout.
        target: Layout that is written.
        splits: "train", "val", "test", or other names that the data know.
        out: Folder to write to.
        progress: Called with (frames done, frames in all); None for no progress.
        small: From the simulator to Waymo's files: with small sensors, for tests.

    Returns:
        Number of frames.

    Raises:
        CalicoError: The data cannot be read, or the target cannot hold them.
    """
    if target in ("waymo-v1", "waymo-v2"):
        segments = list(_list_segments(config, layout, splits, small))
        with _unfinished(out):
            return _write_waymo(target, segments, out, progress)
    sources = {split: open_named(config, split) for split in splits}
    if target == "nuscenes":  # which has a manifest, and goes on after an interruption
        from calico.data.copies.export import export_frames

        export_frames(sources, out, link=False, progress=progress)
    else:
        with _unfinished(out):
            _write_frames(target, sources, out, progress)
    return sum(map(len, sources.values()))


@contextmanager
def _unfinished(out: Path) -> Iterator[None]:
    """Mark a folder, which is not opened while it bears the mark; a failure leaves it there."""
    out.mkdir(parents=True, exist_ok=True)
    write_atomic(out / UNFINISHED, b"")
    yield
    (out / UNFINISHED).unlink()


def _write_frames(
    target: Target, sources: dict[str, FrameSource], out: Path, progress: Progress | None
) -> None:
    if target == "folder":
        from calico.data.folder import write_folder

        write_folder(sources, out, progress=progress)
    elif target == "kitti":
        from calico.data.kitti import write_kitti

        write_kitti(sources, out, progress=progress)
    else:
        from calico.data.argoverse import write_argoverse

        write_argoverse(sources, out, progress=progress)


@dataclass(frozen=True)
class _Segment:
    """A segment that is going to be written."""

    split: str
    context: str
    frames: int
    records: Iterable[WaymoRecord]


def _write_waymo(
    target: Target, segments: Sequence[_Segment], out: Path, progress: Progress | None
) -> int:
    from calico.data.waymo.v1 import writer as v1
    from calico.data.waymo.v2 import writer as v2

    total, done = sum(one.frames for one in segments), 0
    for one in segments:
        if target == "waymo-v1":
            v1.write_segment(out, one.split, one.context, one.records)
        else:
            v2.write_segment(out, one.split, one.context, one.records)
        done += one.frames
        if progress is not None:
            progress(done, total)
    return total


def _list_segments(
    config: Config, layout: Layout | Literal["sim"], splits: Sequence[str], small: bool
) -> Iterator[_Segment]:
    """List segments of range images, which the simulator and Waymo's own files give."""
    if layout == "sim":
        from calico.data.waymo.simulate import simulate_segments
        from calico.data.waymo.simulated.rig import WaymoRig

        rig = WaymoRig(SMALL_TOP, SMALL_SIDE, SMALL_WIDTH) if small else WaymoRig()
        for split in splits:
            for scene in simulate_segments(config.data.sim, split, rig):
                place = SPLITS.get(split, split)
                yield _Segment(place, scene.context, len(scene), scene.records())
        return
    if layout not in ("waymo-v1", "waymo-v2"):
        raise CalicoError(
            f"the layout '{layout}' has no range images, of which Waymo's files consist, so that "
            "these data cannot become such; expected sim, waymo-v1 or waymo-v2 (or --to folder)"
        )
    from calico.data.waymo.v1 import reader as v1
    from calico.data.waymo.v2 import reader as v2

    root = find_data_root(config)
    names = {"train": config.data.train_split, "val": config.data.val_split}
    for split in splits:
        name = names.get(split, split)
        place = name if (root / name).is_dir() else SPLITS.get(name, name)
        opened: Sequence[Segment]
        if layout == "waymo-v1":
            opened = v1.open_segments(root, place)
        else:
            opened = v2.open_segments(root, place)
        for segment in opened:
            times = segment.timestamps_us.tolist()
            yield _Segment(place, segment.context, len(times), map(segment.read, times))
