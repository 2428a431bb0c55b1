"""The run of one black-box attack on a batch of frames, by predictions alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from calico.errors import CalicoError
from calico.frame import Frame
from calico_eval.attacks.blackbox.objectives import QUERY_LOSSES, choose_query_loss
from calico_eval.attacks.details import AttackDetails, Crafted
from calico_eval.attacks.search_space.joint import make_domain
from calico_eval.attacks.search_space.problem import Problem
from calico_eval.attacks.spec import AttackSpec
from calico_eval.attacks.whitebox.run import Search, make_streams, stream_seed
from calico_eval.engines.base import Engine

NO_GAIN = "no try raised the objective: nothing was changed"


def make_query_attack(
    algorithm: Search,
) -> Callable[[Engine, Sequence[Frame], AttackSpec, int], list[Crafted]]:
    """The attack that runs `algorithm` on an engine's predictions.

    The engine sees frames as a sensor delivers them, all frames of the batch in one `predict` per
    try. The clean frames are the first query, and what comes out is the best frame that was
    queried, byte by byte: where no try was better, the clean one.
    """

    def compute_attack(
        engine: Engine, frames: Sequence[Frame], spec: AttackSpec, seed: int
    ) -> list[Crafted]:
        blind = [sensor for sensor in spec.threat.sensors if sensor not in engine.sensors]
        if blind:
            raise CalicoError(
                f"attack {spec.name}: sensor is '{blind[0]}', but model {engine.model_name} only "
                "looks at "
                f"{' and '.join(engine.sensors)}"
            )
        chosen = [choose_query_loss(spec.objective, frame) for frame in frames]
        domain = make_domain(frames, spec.threat, torch.device("cpu"))

        def loss(x: Tensor) -> Tensor:
            found = engine.predict(domain.deliver_frames(x))
            values = [
                QUERY_LOSSES[name](clean, one)
                for (name, _), clean, one in zip(chosen, frames, found, strict=True)
            ]
            return torch.tensor(values, dtype=torch.float64)

        problem = Problem(domain, loss, differentiable=False)
        clean = problem.loss(domain.clean)
        algorithm(problem, spec, make_streams(frames, spec, seed))
        trace = problem.trace
        if trace.best is None or trace.best_loss is None:
            raise AssertionError("the clean frames were noted")
        delivered = domain.deliver_frames(trace.best)
        return [
            Crafted(
                delivered[row],
                AttackDetails(
                    objective=name,
                    note=note
                    if trace.best_loss[row] > clean[row]
                    else "; ".join(filter(None, (note, NO_GAIN))),
                    seed=stream_seed(frame, spec, seed),
                    loss_clean=float(clean[row]),
                    loss_attacked=float(trace.best_loss[row]),
                    losses=tuple(float(value[row]) for value in trace.losses),
                    queries=trace.forwards,
                ),
            )
            for row, (frame, (name, note)) in enumerate(zip(frames, chosen, strict=True))
        ]

    return compute_attack
