"""Predictions and pictures of a model: `calico infer`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from calico.data.source import FrameSource
from calico.data.waymo.records import OBJECT_TYPES
from calico.draw import draw_bev, draw_cameras
from calico.errors import CalicoError
from calico.files import file_name
from calico.files.images import write_png
from calico.frame import Frame
from calico.predictions import Predictions
from calico.taxonomy import names_in
from calico_eval.engines.base import Engine, check_cameras, check_taxonomy
from calico_eval.evaluate import Progress, split_batches
from calico_eval.submission import find_own_names, write_submission
from calico_eval.waymo_submission import (
    SubmissionDetails,
    write_waymo_objects,
    write_waymo_submission,
)

Format = Literal["nuscenes", "waymo"]
SUBMISSION_FILE = "submission.json"
OBJECTS_FILE, LEADERBOARD_FILE = "objects.bin", "submission.bin"
"""Waymo's files: boxes for the metrics, and the same with details for a leaderboard."""


def run_inference(
    engine: Engine,
    source: FrameSource,
    out_dir: Path,
    *,
    limit: int | None = None,
    pictures: bool = True,
    batch_size: int = 4,
    range_m: float = 40.0,
    progress: Progress | None = None,
    form: Format = "nuscenes",
    details: SubmissionDetails | None = None,
) -> Path:
    """Run a model, and write its predictions and pictures of them.

    The predictions are submission.json in the nuScenes detection format (`calico_eval.submission`
    says how it names other classes), the pictures pictures/<token>-{bev,cameras}.png.

    Args:
        engine: A model.
        source: Frames.
        out_dir: Folder of the files.
        limit: Number of frames from the first on. Default: all.
        pictures: Whether every frame is drawn from above and, if it has images, through its
            cameras.
        batch_size: Number of frames that the engine sees at once.
        range_m: Range of the BEV pictures [m].
        progress: Called after every batch.
        form: Format of the predictions. "waymo" writes objects.bin, or with `details`
            submission.bin (see `calico_eval.waymo_submission`), instead of submission.json.
        details: About the method, for a leaderboard of Waymo.

    Returns:
        The path of the submission.

    Raises:
        CalicoError: There are no frames, or the model failed.
    """
    check_inference(engine, source, form)
    total = min(len(source), len(source) if limit is None else limit)
    if total < 1:
        raise CalicoError(
            f"data {source.name}: no frames to run on (limit {limit}, {len(source)} frames)"
        )
    out_dir.mkdir(parents=True, exist_ok=True)

    def pairs() -> Iterator[tuple[Frame, Predictions]]:
        done = 0
        for batch in split_batches(range(total), batch_size):
            frames = [source[index] for index in batch]
            for frame, found in zip(frames, engine.predict(frames), strict=True):
                if pictures:
                    _draw(frame, found, source, out_dir / "pictures", range_m)
                yield frame, found
            done += len(frames)
            if progress:
                progress(done, total)

    if form == "waymo":
        if details is None:
            write_waymo_objects(out_dir / OBJECTS_FILE, pairs())
            return out_dir / OBJECTS_FILE
        write_waymo_submission(out_dir / LEADERBOARD_FILE, pairs(), details)
        return out_dir / LEADERBOARD_FILE
    path = out_dir / SUBMISSION_FILE
    write_submission(
        path,
        pairs(),
        [sensor for sensor in ("camera", "lidar") if sensor in engine.sensors],
        find_own_names(source.taxonomy),
    )
    return path


def check_inference(engine: Engine, source: FrameSource, form: Format = "nuscenes") -> None:
    """Check that a model fits the data and its answers the format, before a frame is loaded.

    Args:
        engine: A model.
        source: Frames.
        form: Format of the predictions. That of nuScenes takes classes of any name.

    Raises:
        CalicoError: The model needs cameras or classes that the data lack, or a class of the data
            is none of Waymo's, so that Waymo's formats cannot hold it.
    """
    check_cameras([engine], source)
    check_taxonomy([engine], source)
    if form == "waymo":
        names_in(source.taxonomy, tuple(OBJECT_TYPES.values()), "a Waymo submission")


def _draw(
    frame: Frame, found: Predictions, source: FrameSource, folder: Path, range_m: float
) -> None:
    folder.mkdir(exist_ok=True)
    name = file_name(frame.token)
    with_map = found.map_probs is not None and source.map_grid is not None
    grid = source.map_grid if with_map else None
    bev = draw_bev(frame, found, range_m=range_m, map_grid=grid, predicted_map=with_map)
    write_png(folder / f"{name}-bev.png", bev)
    if frame.images:
        write_png(folder / f"{name}-cameras.png", draw_cameras(frame, found))
