"""Pictures for the report: the frames that lose most under the worst conditions.

All choices are functions of the stored statistics. The order of plan and frames breaks ties.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from calico.draw import draw_bev, draw_cameras
from calico.draw.style import INK, PAPER, load_font
from calico.files import write_atomic
from calico.frame import Frame, UInt8
from calico_eval.attacks import ALGORITHMS
from calico_eval.evaluation.applied_condition import AppliedCondition
from calico_eval.evaluation.conditions import choose_predictor
from calico_eval.evaluation.inputs import EvaluationInputs
from calico_eval.evaluation.plan import EvaluationPlan, Job
from calico_eval.evaluation.universal_attacks import UniversalAttacks
from calico_eval.metrics.detected_objects import SCORE
from calico_eval.metrics.quality import frame_quality
from calico_eval.metrics.suffstats import FrameStats
from reports.schema import Cell, Picture

FRAMES_PER_CONDITION = 2
REACH_M = 40.0
"""Largest range of the BEV pictures."""
WIDTH_PX, HEADER_PX, GAP_PX = 720, 24, 6
JPEG_QUALITY = 75


def draw_gallery(
    plan: EvaluationPlan,
    inputs: EvaluationInputs,
    cells: Mapping[str, Cell],
    stats: Mapping[str, Sequence[FrameStats]],
    out_dir: Path,
    learned: UniversalAttacks,
) -> tuple[Picture, ...]:
    """Draw the frames that lose most to the worst corruption and to the worst attack.

    Each frame comes twice, clean and changed, as the first engine that has such a cell sees it. The
    files are gallery/<cell>-<frame>.jpg.

    Args:
        plan: Plan of the evaluation.
        inputs: Engines and frames.
        cells: Finished cells by id.
        stats: Frames of each cell by id.
        out_dir: Folder of the run.
        learned: What universal attacks have learnt.
    """
    pictures: dict[str, Picture] = {}
    for job in _choose_worst_jobs(plan, cells):
        clean = next(j for j in plan.jobs if j.is_clean and j.engine == job.engine)
        for position in _choose_worst_frames(stats[clean.id], stats[job.id]):
            frame = inputs.source[plan.indices[position]]
            for drawn in (clean, job):
                path = f"gallery/{drawn.id}-{position:05d}.jpg"
                if path in pictures:
                    continue
                write_atomic(out_dir / path, _draw_jpeg(plan, inputs, learned, drawn, frame))
                quality = frame_quality(stats[drawn.id][position])
                pictures[path] = Picture(
                    path=path,
                    caption=f"{job.engine}, frame quality {quality:.2f}",
                    condition=cells[drawn.id].condition,
                    token=frame.token,
                )
    return tuple(pictures.values())


def _choose_worst_jobs(plan: EvaluationPlan, cells: Mapping[str, Cell]) -> list[Job]:
    """Choose the corruption and the attack with the lowest mAP.

    The attack is no control and is on clean frames. If the first engine finds no boxes, mIoU
    counts.
    """
    clean = cells[plan.jobs[0].id].metrics
    metric = "mAP" if (clean["mAP"].value or 0.0) > 0 else "mIoU"
    corruptions = [job for job in plan.jobs if job.corruption]
    attacks = [
        job
        for job in plan.jobs
        if job.is_on_clean_frames and job.attack and not ALGORITHMS[job.attack.name].control
    ]
    chosen = []
    for jobs in (corruptions, attacks):
        mine = [job for job in jobs if job.engine == jobs[0].engine]
        known = [
            (value, job)
            for job in mine
            if (value := cells[job.id].metrics[metric].value) is not None
        ]
        if known:
            chosen.append(min(known, key=lambda pair: pair[0])[1])
    return chosen


def _choose_worst_frames(clean: Sequence[FrameStats], changed: Sequence[FrameStats]) -> list[int]:
    """Choose the positions of the frames with the largest paired drop in quality."""
    drops = [frame_quality(a) - frame_quality(b) for a, b in zip(clean, changed, strict=True)]
    return [int(i) for i in np.argsort(-np.array(drops), kind="stable")[:FRAMES_PER_CONDITION]]


def _draw_jpeg(
    plan: EvaluationPlan,
    inputs: EvaluationInputs,
    learned: UniversalAttacks,
    job: Job,
    frame: Frame,
) -> bytes:
    """Draw the frame under the job's condition with the engine's predictions: cameras above BEV."""
    source_engine = inputs.by_label[job.source_engine] if job.source_engine else None
    fitted = learned.learn(job.change, job.source_engine)
    applied = AppliedCondition(job.condition, plan.seed, source_engine, fitted)
    changed = applied.change_frames([frame])[0]
    predictor = choose_predictor(inputs.by_label[job.engine], job.condition)
    predictions = predictor.predict([changed])[0]
    parts: list[UInt8] = []
    if changed.images:
        parts.append(draw_cameras(changed, predictions, width_px=WIDTH_PX, score_threshold=SCORE))
    grid = inputs.source.map_grid
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
    ImageDraw.Draw(picture).text(
        (6, HEADER_PX / 2), title, fill=INK, font=load_font(14.0), anchor="lm"
    )
    top = HEADER_PX
    for part in [*parts, bev]:
        picture.paste(Image.fromarray(part), (0, top))
        top += len(part) + GAP_PX
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=JPEG_QUALITY)
    return stream.getvalue()
