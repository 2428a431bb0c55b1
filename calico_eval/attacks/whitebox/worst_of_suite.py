"""The standard suite: several attacks, of which every frame gets the one that harms it most.

Like AutoAttack (Croce and Hein, ICML 2020): a model is only as robust as its weakest answer to a
diverse set of attacks, none of which has a parameter that a user must tune. Which attack was the
worst is judged by predictions, not by an attack's objective.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from calico.frame import Frame
from calico_eval.attacks.details import Crafted
from calico_eval.attacks.spec import AttackSpec
from calico_eval.attacks.whitebox.gradient import apgd_decay, mifgsm, pgd
from calico_eval.attacks.whitebox.run import Search, make_search
from calico_eval.engines.base import Engine
from calico_eval.engines.white_box import WhiteBoxEngine, white_box_of
from calico_eval.metrics.quality import frame_quality
from calico_eval.metrics.suffstats import compute_frame_stats


def list_members(spec: AttackSpec, engine: WhiteBoxEngine) -> list[tuple[str, Search, AttackSpec]]:
    """List the attacks of the suite.

    APGD with a falling step, PGD and MI-FGSM follow the suite's objective. APGD with a falling step
    also follows a second objective on the same outputs, where the model has one. On the LiDAR of a
    model whose gradients can see points change their cell, PGD also follows the true gradient.

    Args:
        spec: The suite as one attack.
        engine: Model that is attacked.

    Returns:
        Name, algorithm and spec of each member.
    """
    found: list[tuple[str, Search, AttackSpec]] = [
        ("apgd_decay", apgd_decay, spec),
        ("pgd", pgd, spec),
        ("mifgsm", mifgsm, spec),
    ]
    second = engine.find_second_objective(spec.objective)
    if second is not None:
        objective, what = second
        found.insert(1, (f"apgd_decay on {what}", apgd_decay, replace(spec, objective=objective)))
    if "lidar" in spec.threat.sensors and engine.crosses_cells:
        found.insert(
            -1, ("pgd blind to pillar changes", pgd, replace(spec, straight_through=False))
        )
    return found


def run_suite(
    engine: Engine, frames: Sequence[Frame], spec: AttackSpec, seed: int
) -> list[Crafted]:
    """Run several attacks and keep, for each frame, the result with the lowest `frame_quality`.

    The first counts if several share it.

    Args:
        engine: Model that is attacked.
        frames: The clean frames.
        spec: The suite as one attack.
        seed: Seed of the run.
    """
    worst: list[tuple[float, Crafted]] = []
    forwards, backwards = [0] * len(frames), [0] * len(frames)
    followed = white_box_of(engine, f"attack {spec.name}", spec.threat.sensors)
    for name, algorithm, member in list_members(spec, followed):
        crafted = make_search(algorithm)(engine, frames, member, seed)
        found = engine.predict([one.frame for one in crafted])
        quality = [
            frame_quality(compute_frame_stats(frame, answer, frame.taxonomy.ranges()))
            for frame, answer in zip(frames, found, strict=True)
        ]
        named = [
            replace(
                one,
                details=replace(
                    one.details, note="; ".join(filter(None, (f"worst: {name}", one.details.note)))
                ),
            )
            for one in crafted
        ]
        forwards = [
            before + one.details.forwards + 1 for before, one in zip(forwards, crafted, strict=True)
        ]
        backwards = [
            before + one.details.backwards for before, one in zip(backwards, crafted, strict=True)
        ]
        pairs = list(zip(quality, named, strict=True))
        worst = (
            pairs
            if not worst
            else [min(a, b, key=lambda p: p[0]) for a, b in zip(worst, pairs, strict=True)]
        )
    return [
        replace(one, details=replace(one.details, forwards=forward, backwards=backward))
        for (_, one), forward, backward in zip(worst, forwards, backwards, strict=True)
    ]
