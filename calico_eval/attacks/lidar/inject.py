"""Injection: new returns on the sensor's own rays, placed by gradients."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy.spatial import cKDTree

from calico.frame import Bool, Float32, Float64, Frame, Int64
from calico.geometry.boxes import points_in_boxes
from calico_eval.attacks.lidar.aim import azimuth_of, choose_object, count_removable
from calico_eval.attacks.lidar.cloud_loss import CloudLoss
from calico_eval.attacks.lidar.edit import (
    Returns,
    add_returns,
    choose_within_budget,
    find_untouched,
    range_limits,
)
from calico_eval.attacks.lidar.rays import Rays, rays_of
from calico_eval.attacks.spec import AttackSpec

DRAWS_PER_RAY = 4
"""Ranges that are considered on every ray in a round."""
FIRST_STEP_CELLS = 0.5
"""The first step along a ray, in cells of the model; later ones shrink evenly."""
ATTACH_M = 0.3
"""An attached point is this close to a return of its object."""
OBJECT_MARGIN_M = 0.1


@dataclass(frozen=True)
class Segments:
    """The part of each ray on which a return may be put.

    Attributes:
        ray: (K,) index into `Rays`.
        low, high: (K,) range [m].
    """

    ray: Int64
    low: Float64
    high: Float64


def inject_points(
    loss: CloudLoss, frame: Frame, spec: AttackSpec, random: np.random.Generator
) -> Frame:
    """Add returns in the threat's window, at any range that the sensor reports.

    The window is about the nearest object ahead.

    Args:
        loss: The objective of a cloud.
        frame: The clean frame.
        spec: The attack.
        random: Generator.
    """
    rays = rays_of(frame)
    low, high = range_limits(rays, spec.threat.r_min_m)
    free = np.flatnonzero(_window(rays, frame, spec)) if high > low else np.zeros(0, np.int64)
    segments = Segments(free, np.full(len(free), low), np.full(len(free), high))
    return _placed(loss, frame, rays, segments, spec, random)


def attach_points(
    loss: CloudLoss, frame: Frame, spec: AttackSpec, random: np.random.Generator
) -> Frame:
    """Add returns within ATTACH_M of a return of any labelled object in the threat's window.

    Args:
        loss: The objective of a cloud.
        frame: The clean frame.
        spec: The attack.
        random: Generator.
    """
    rays = rays_of(frame)
    surface = frame.points[frame.main_sweep, :3].astype(np.float64)
    boxes = frame.boxes.boxes
    on_object = (
        points_in_boxes(surface, boxes, OBJECT_MARGIN_M).any(axis=0)
        if len(boxes)
        else np.zeros(len(surface), bool)
    )
    segments = near_surface(rays, surface[on_object] - rays.origin, spec.threat.r_min_m)
    inside = _window(rays, frame, spec)[segments.ray]
    segments = Segments(segments.ray[inside], segments.low[inside], segments.high[inside])
    return _placed(loss, frame, rays, segments, spec, random)


def near_surface(rays: Rays, surface: Float64, r_min_m: float) -> Segments:
    """Compute the part of each ray that is near a surface.

    It lies within ATTACH_M of the surface point that is nearest to the ray in angle.

    Args:
        rays: Rays of the frame.
        surface: (S, 3) points of the surface [m, from the sensor].
        r_min_m: Smallest range that the threat allows [m].
    """
    if len(surface) == 0 or len(rays) == 0:
        return Segments(np.zeros(0, np.int64), np.zeros(0), np.zeros(0))
    distance = np.linalg.norm(surface, axis=1)
    _, nearest = cKDTree(surface / distance[:, None]).query(rays.direction)
    along = (surface[nearest] * rays.direction).sum(axis=1)
    off = np.linalg.norm(surface[nearest] - along[:, None] * rays.direction, axis=1)
    half = np.sqrt(np.maximum(ATTACH_M**2 - off**2, 0.0))
    least, most = range_limits(rays, r_min_m)
    low, high = np.maximum(along - half, least), np.minimum(along + half, most)
    good = np.flatnonzero((off < ATTACH_M) & (high > low))
    return Segments(good, low[good], high[good])


def _placed(
    loss: CloudLoss,
    frame: Frame,
    rays: Rays,
    segments: Segments,
    spec: AttackSpec,
    random: np.random.Generator,
) -> Frame:
    """Places returns in `spec.steps` rounds.

    An equal part of the budget goes to the (ray, range) pairs that the gradient on pillars values
    most, at most one a pillar and round; then the ranges of all that are placed take a step of
    gradient ascent. The best of all rounds counts, and the clean frame does.
    """
    best, best_loss = frame, loss.value(frame.points)
    work = _Placing(loss, frame, rays, segments, random)
    budget = spec.threat.points_added, count_removable(spec.threat, frame)
    for step in range(1, spec.steps + 1):
        work.add(min(budget[0], max(1, round(budget[0] * step / spec.steps))), budget[1])
        if len(work.returns) == 0:
            break
        work.move(FIRST_STEP_CELLS * loss.cell_m * (1.0 - (step - 1) / spec.steps))
        if work.value() > best_loss:
            best, best_loss = add_returns(frame, rays, work.returns), work.value()
    return best


class _Placing:
    """Returns that are being placed, each within its segment.

    `returns.ray` indexes rays; `_row` (K,) indexes segments.
    """

    def __init__(
        self,
        loss: CloudLoss,
        frame: Frame,
        rays: Rays,
        segments: Segments,
        random: np.random.Generator,
    ) -> None:
        self._loss, self._frame, self._rays, self._segments, self._random = (
            loss,
            frame,
            rays,
            segments,
            random,
        )
        self.returns, self._row = Returns.none(), np.zeros(0, np.int64)
        self._value = -np.inf

    def value(self) -> float:
        """The objective with the returns as they are."""
        return self._value

    def add(self, total: int, removed: int) -> None:
        """Add returns up to `total`, as far as candidates and the budget of removals allow."""
        row, candidates = self._draw()
        cell = self._cells(candidates)
        row, candidates = row[cell], candidates.select(cell)
        points = torch.from_numpy(self._points(candidates)).to(self._loss.device)
        count = max(1, total - len(self.returns))
        gain = self._loss.rate_additions(self._cloud(), points, count).cpu().numpy()
        order = np.argsort(-gain, kind="stable")
        order = order[gain[order] > 0]
        chosen = order[
            choose_within_budget(
                self._rays, candidates.ray[order], self.returns.ray, total, removed
            )
        ]
        self.returns = self.returns.joined(candidates.select(chosen))
        self._row = np.concatenate([self._row, row[chosen]])

    def move(self, step_m: float) -> None:
        """One step of steepest ascent along the rays; kept where it raises the objective."""
        kept, points = (
            self._frame.points[find_untouched(self._rays, self.returns)],
            self._points(self.returns),
        )
        before, gradient = self._loss.positions(kept, torch.from_numpy(points))
        along = (gradient[:, :3].cpu().numpy() * self._rays.direction[self.returns.ray]).sum(axis=1)
        low, high = self._segments.low[self._row], self._segments.high[self._row]
        range_m = np.clip(self.returns.range_m + step_m * np.sign(along), low, high)
        moved = Returns(self.returns.ray, range_m, self.returns.intensity)
        after = self._loss.value(np.concatenate([kept, self._points(moved)]))
        self._value = max(before, after)
        if after > before:
            self.returns = moved

    def _draw(self) -> tuple[Int64, Returns]:
        """Candidates in random order: DRAWS_PER_RAY on every segment, range and intensity even."""
        row = self._random.permutation(np.repeat(np.arange(len(self._segments.ray)), DRAWS_PER_RAY))
        low, high = self._segments.low[row], self._segments.high[row]
        range_m = low + (high - low) * self._random.random(len(row))
        return row, Returns(self._segments.ray[row], range_m, self._random.random(len(row)))

    def _cells(self, candidates: Returns) -> Int64:
        """Find the first candidate of every cell."""
        points = torch.from_numpy(self._points(candidates)).to(self._loss.device)
        cell = self._loss.find_cells(points).cpu().numpy()
        first: Int64 = np.unique(cell, return_index=True)[1]
        return np.sort(first)

    def _points(self, returns: Returns) -> Float32:
        """(K, 5) as `add_returns` delivers them."""
        like = self._rays.like[returns.ray]
        return np.column_stack(
            [returns.xyz(self._rays), returns.intensity, self._frame.points[like, 4]]
        ).astype(np.float32)

    def _cloud(self) -> Float32:
        kept = self._frame.points[find_untouched(self._rays, self.returns)]
        return np.concatenate([kept, self._points(self.returns)])


def _window(rays: Rays, frame: Frame, spec: AttackSpec) -> Bool:
    return rays.window(frame, azimuth_of(frame, choose_object(frame)[0]), spec.threat.window_deg)
