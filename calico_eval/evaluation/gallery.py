"""Pictures for the report: the frames that lose most under the worst conditions, clean beside changed.

All choices are functions of the stored statistics, ties broken by the order of plan and frames.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from calico.data.source import FrameSource
from calico.draw import draw_bev, draw_cameras
from calico.draw.style import INK, PAPER, font
from calico.files import write_atomic
from calico.frame import Frame, UInt8
from calico.geometry.grid import Grid
from calico_eval.attacks import ALGORITHMS
from calico_eval.engines.base import Engine
from calico_eval.evaluation.applied_condition import Change
from calico_eval.evaluation.conditions import predictor
from calico_eval.evaluation.plan import EvaluationPlan, Job
from calico_eval.evaluation.universal_attacks import Fits
from calico_eval.metrics.detected_objects import SCORE
from calico_eval.metrics.quality import frame_quality
from calico_eval.metrics.suffstats import FrameStats
from reports.schema import Cell, Picture

FRAMES_PER_CONDITION = 2
REACH_M = 40.0
"""How far the BEV pictures look, at most."""
WIDTH_PX, HEADER_PX, GAP_PX = 720, 24, 6
JPEG_QUALITY = 75


def draw_gallery(
    plan: EvaluationPlan,
    engines: Mapping[str, Engine],
    source: FrameSource,
    cells: Mapping[str, Cell],
    stats: Mapping[str, Sequence[FrameStats]],
    out_dir: Path,
    fits: Fits,
) -> tuple[Picture, ...]:
    """Writes gallery/<cell>-<frame>.jpg: the frames that lose most to the worst corruption and to the worst attack.

    Each frame comes twice, clean and changed, as the first engine that has such a cell sees it.
    """
    pictures: dict[str, Picture] = {}
    for job in _worst_jobs(plan, cells):
        clean = next(j for j in plan.jobs if j.condition.kind == "clean" and j.engine == job.engine)
        for position in _worst_frames(stats[clean.id], stats[job.id]):
            frame = source[plan.indices[position]]
            for shown in (clean, job):
                path = f"gallery/{shown.id}-{position:05d}.jpg"
                if path in pictures:
                    continue
                write_atomic(
                    out_dir / path, _jpeg(plan, engines, fits, shown, frame, source.map_grid)
                )
                pictures[path] = Picture(
                    path=path,
                    caption=f"{job.engine}, frame quality {frame_quality(stats[shown.id][position]):.2f}",
                    condition=cells[shown.id].condition,
                    token=frame.token,
                )
    return tuple(pictures.values())


def _worst_jobs(plan: EvaluationPlan, cells: Mapping[str, Cell]) -> list[Job]:
    """The corruption and the attack (no control, on clean frames) with the lowest mAP, or mIoU where the first engine finds no
    boxes."""
    clean = cells[plan.jobs[0].id].metrics
    metric = "mAP" if (clean["mAP"].value or 0.0) > 0 else "mIoU"
    chosen = []
    for kind in ("corruption", "attack"):
        jobs = [
            j
            for j in plan.jobs
            if j.condition.kind == kind and not _control(j) and not _on_corrupted(j)
        ]
        mine = [job for job in jobs if job.engine == (jobs[0].engine if jobs else None)]
        known = [
            (value, job)
            for job in mine
            if (value := cells[job.id].metrics[metric].value) is not None
        ]
        if known:
            chosen.append(min(known, key=lambda pair: pair[0])[1])
    return chosen


def _control(job: Job) -> bool:
    attack = job.condition.attack
    return attack is not None and ALGORITHMS[attack.name].control


def _on_corrupted(job: Job) -> bool:
    return job.condition.attack is not None and job.condition.corrupted is not None


def _worst_frames(clean: Sequence[FrameStats], changed: Sequence[FrameStats]) -> list[int]:
    """Positions of the frames with the largest paired drop in quality, the largest first."""
    drops = [frame_quality(a) - frame_quality(b) for a, b in zip(clean, changed, strict=True)]
    return [int(i) for i in np.argsort(-np.array(drops), kind="stable")[:FRAMES_PER_CONDITION]]


def _jpeg(
    plan: EvaluationPlan,
    engines: Mapping[str, Engine],
    fits: Fits,
    job: Job,
    frame: Frame,
    grid: Grid | None,
) -> bytes:
    """The frame under the job's condition with the engine's predictions: cameras above, BEV below."""
    crafting = engines[job.crafted_on] if job.crafted_on else None
    changed = Change(
        job.condition, plan.seed, crafting, fits.get(job.condition, job.crafted_on)
    ).apply([frame])[0]
    predictions = predictor(engines[job.engine], job.condition).predict([changed])[0]
    parts: list[UInt8] = []
    if changed.images:
        parts.append(draw_cameras(changed, predictions, width_px=WIDTH_PX, score_threshold=SCORE))
    with_map = predictions.map_probs is not None and grid is not None
    bev = draw_bev(
        changed,
        predictions,
        range_m=min(REACH_M, max(plan.ranges.values())),
        size_px=WIDTH_PX,
        map_grid=grid if with_map else None,
        predicted_map=with_map,
        score_threshold=SCORE,
    )
    picture = Image.new(
        "RGB", (WIDTH_PX, HEADER_PX + sum(len(part) + GAP_PX for part in [*parts, bev])), PAPER
    )
    title = f"{job.engine}, {job.condition}, frame {frame.token}"
    ImageDraw.Draw(picture).text((6, HEADER_PX / 2), title, fill=INK, font=font(14.0), anchor="lm")
    top = HEADER_PX
    for part in [*parts, bev]:
        picture.paste(Image.fromarray(part), (0, top))
        top += len(part) + GAP_PX
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=JPEG_QUALITY)
    return stream.getvalue()
