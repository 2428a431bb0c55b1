"""Universal perturbations.

One change for all frames, learnt on other scenes (Moosavi-Dezfooli et al., CVPR 2017).

Camera: one image of whole grey levels per view. LiDAR: one table of range offsets over beam and
    azimuth, which moves each point along its own ray by the entry that its ray falls into. The
    search is projected gradient ascent on the mean objective over the frames (the original adds up
    one minimal step per frame; cf. Shafahi et al., AAAI 2020).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from calico.data.batch import collate_frames
from calico.errors import CalicoError
from calico.frame import Frame, Int64
from calico.seeds import derive_seed
from calico_eval.attacks.budget.threat import Threat
from calico_eval.attacks.details import AttackDetails, Crafted
from calico_eval.attacks.search_space.joint import Domain, make_domain
from calico_eval.attacks.search_space.problem import Problem
from calico_eval.attacks.spec import AttackSpec
from calico_eval.attacks.universal.fitted import Fitted, select_usable, split_chunks
from calico_eval.attacks.universal.pooled_loss import ChunkLoss, pool_losses
from calico_eval.attacks.whitebox.gradient import pgd
from calico_eval.engines.base import Engine
from calico_eval.engines.white_box import WhiteBoxEngine, white_box_of

BEAMS, AZIMUTHS = 128, 360
"""Size of the table.

Rows are rings, or elevations within +-ELEVATION_DEG where a frame does not name its rings. Columns
are 1 degree wide, about whole degrees.
"""
ELEVATION_DEG = 32.0


class Shared(Domain):
    """The latent that all frames share: (1, 1, 1, D) in [0, 1], 0.5 for no change.

    It holds the camera's numbers, then the LiDAR's table. Entry u stands for (2 u - 1) times the
    budget: camera_levels grey levels, or range_m metres.
    """

    def __init__(self, frame: Frame, threat: Threat, device: torch.device) -> None:
        """frame: its views' number and sizes are those of all frames."""
        self._threat, self.shapes = threat, [image.shape for image in frame.images]
        self.size_hw = tuple(
            max((shape[axis] for shape in self.shapes), default=0) for axis in (0, 1)
        )
        self.levels = (
            len(self.shapes) * 3 * self.size_hw[0] * self.size_hw[1] if threat.camera_levels else 0
        )
        self.rings = has_rings(frame)
        size = self.levels + (BEAMS * AZIMUTHS if threat.range_m else 0)
        super().__init__(torch.full((1, 1, 1, size), 0.5, device=device), 0.5)

    def delivered(self, u: Tensor) -> Tensor:
        """Return the latent with whole grey levels."""
        most = self._threat.camera_levels
        flat = u.detach().flatten().clone()
        if self.levels:
            flat[: self.levels] = (
                ((2.0 * flat[: self.levels] - 1.0) * most).round() / most + 1.0
            ) / 2.0
        return flat.reshape(u.shape)

    def check(self, frame: Frame) -> None:
        """Check that the latent fits a frame.

        Raises:
            CalicoError: It does not.
        """
        shapes = [image.shape for image in frame.images]
        if self.levels and shapes != self.shapes:
            raise CalicoError(
                f"universal attack: frame {frame.token} has images {shapes}, it was made for "
                f"{self.shapes}"
            )
        if self._threat.range_m and len(frame.points) and has_rings(frame) != self.rings:
            kinds = {True: "beam numbers", False: "no beam numbers"}
            raise CalicoError(
                f"universal attack: the points of frame {frame.token} have "
                f"{kinds[not self.rings]}, it was made for points with {kinds[self.rings]}"
            )

    def place(self, u: Tensor, domain: Domain, frames: Sequence[Frame]) -> Tensor:
        """Return the input of `domain` for some frames, differentiable in u.

        Args:
            u: The latent.
            domain: Search space of the same threat (`make_domain`).
            frames: The frames of the domain.
        """
        flat, count = u.flatten(), len(frames)
        if not self._threat.range_m:
            change = (2.0 * flat - 1.0) * domain.eps
            return (domain.clean + change.reshape(1, *domain.clean.shape[1:])).clamp(0.0, 1.0)
        slots = max(1, *(len(frame.points) for frame in frames))
        index = torch.zeros(count, slots, dtype=torch.int64, device=u.device)
        for row, frame in enumerate(frames):
            index[row, : len(frame.points)] = torch.from_numpy(find_entries(frame)).to(u.device)
        table = flat[self.levels :][index]
        if not self.levels:
            return table[:, None, :, None]
        return torch.cat([flat[: self.levels].expand(count, -1), table], dim=1)[:, None, None, :]


def fit_universal(engine: Engine, frames: Sequence[Frame], spec: AttackSpec, seed: int) -> Fitted:
    """Learn one perturbation on these frames: PGD on the mean of the spec's objective.

    The best of all iterates is returned, or no change if that is better.

    Args:
        engine: The engine whose gradients are followed.
        frames: Frames of other scenes.
        spec: The attack.
        seed: Seed of the run.
    """
    model = white_box_of(engine, f"attack {spec.name}", spec.threat.sensors)
    members = select_usable(model, frames, spec)
    shared = Shared(members[0], spec.threat, model.device)
    for frame in members:
        shared.check(frame)
    stream = torch.Generator().manual_seed(
        derive_seed(seed, "attack", spec.name, spec.sensor, "fit")
    )
    with model.attack_mode():
        losses = [_chunk_loss(model, shared, part, spec) for part in split_chunks(members)]
        problem = Problem(shared, pool_losses(losses, len(members)), differentiable=True)
        start = float(problem.loss(shared.clean))
        pgd(problem, spec, [stream])
        best = shared.delivered(shared.clean if problem.trace.best is None else problem.trace.best)
        end = float(problem.loss(best))
    values = best.cpu()
    return Fitted(
        _Apply(shared, values),
        values,
        tuple(frame.token for frame in members),
        tuple(frame.scene for frame in members),
        start,
        end,
        forwards=problem.trace.forwards * len(members),
        backwards=problem.trace.backwards * len(members),
    )


def _chunk_loss(
    engine: WhiteBoxEngine, shared: Shared, frames: Sequence[Frame], spec: AttackSpec
) -> ChunkLoss:
    domain = make_domain(frames, spec.threat, engine.device)
    clean = collate_frames(frames).to(engine.device)
    of_batch = engine.attack_loss(spec.objective, clean, spec.threat.sensors, spec.crossing_m)

    def loss(u: Tensor) -> Tensor:
        return of_batch(domain.make_batch(shared.place(u, domain, frames)))

    return loss


def apply_shared_noise(
    engine: Engine, frames: Sequence[Frame], spec: AttackSpec, seed: int
) -> list[Crafted]:
    """Apply one random change of the full budget to all frames, as the control.

    Args:
        engine: Not used.
        frames: The clean frames.
        spec: The attack.
        seed: Seed of the run.
    """
    shared = Shared(frames[0], spec.threat, torch.device("cpu"))
    corner = shared.corner(
        [torch.Generator().manual_seed(derive_seed(seed, "attack", spec.name, spec.sensor))]
    )
    return _Apply(shared, corner)(engine, frames, spec, seed)


class _Apply:
    """The change on any frames."""

    def __init__(self, shared: Shared, values: Tensor) -> None:
        self._shared, self._values = shared, values

    def __call__(
        self, engine: Engine, frames: Sequence[Frame], spec: AttackSpec, seed: int
    ) -> list[Crafted]:
        for frame in frames:
            self._shared.check(frame)
        domain = make_domain(frames, spec.threat, torch.device("cpu"))
        after = domain.deliver_frames(self._shared.place(self._values, domain, frames))
        return [Crafted(frame, AttackDetails()) for frame in after]


def has_rings(frame: Frame) -> bool:
    """Whether every point tells its beam."""
    return bool((frame.ring >= 0).all())


def find_entries(frame: Frame) -> Int64:
    """Find the entry of the table that each point's ray falls into, (N,).

    The ray starts where the sensor was at the point's sweep.
    """
    rotation = frame.sweep_T[frame.sweep_index.astype(np.int64), :3, :3]
    ray = np.einsum(
        "nij,ni->nj", rotation, frame.points[:, :3].astype(np.float64) - frame.ray_origins
    )
    azimuth = (
        np.rint((np.arctan2(ray[:, 1], ray[:, 0]) / (2.0 * np.pi) + 0.5) * AZIMUTHS).astype(
            np.int64
        )
        % AZIMUTHS
    )
    if has_rings(frame):
        beam = frame.ring.astype(np.int64)
    else:
        elevation = np.degrees(np.arctan2(ray[:, 2], np.hypot(ray[:, 0], ray[:, 1])))
        beam = np.floor((elevation / ELEVATION_DEG + 1.0) / 2.0 * BEAMS).astype(np.int64)
    result: Int64 = beam.clip(0, BEAMS - 1) * AZIMUTHS + azimuth
    return result
