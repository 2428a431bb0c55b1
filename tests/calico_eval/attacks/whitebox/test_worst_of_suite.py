"""The standard suite keeps, of each frame, the member's result after which the predictions are
worst."""

from collections.abc import Sequence

import pytest

from calico.frame import Boxes, Frame
from calico_eval.attacks import AttackSpec, Threat, attack_frames
from calico_eval.attacks.whitebox.run import make_search
from calico_eval.attacks.whitebox.worst_of_suite import list_members
from calico_eval.engines.network.objectives import OBJECTIVES
from calico_eval.engines.torch import TorchEngine
from calico_eval.metrics.nuscenes import class_ranges
from calico_eval.metrics.quality import frame_quality
from calico_eval.metrics.suffstats import compute_frame_stats


@pytest.mark.parametrize(
    ("threat", "objective"),
    [
        (Threat(camera_levels=8), "hide"),
        (Threat(range_m=0.2), "hide"),
        (Threat(camera_levels=8), "map_erase"),
    ],
)
def test_every_frame_gets_the_member_that_harms_it_most(
    fused: TorchEngine, street_frame: Frame, threat: Threat, objective: str
) -> None:
    half = street_frame.replace(
        token="half",
        points=street_frame.points[::2],
        ring=street_frame.ring[::2],
        sweep_index=street_frame.sweep_index[::2],
    )
    frames = [street_frame, half]
    spec = AttackSpec("suite", threat, objective, steps=4)

    def quality(attacked: Sequence[Frame]) -> list[float]:
        answers = fused.predict(attacked)
        return [
            frame_quality(compute_frame_stats(f, a, class_ranges()))
            for f, a in zip(frames, answers, strict=True)
        ]

    results = attack_frames(fused, frames, spec, 0)
    alone = {
        name: quality([one.frame for one in make_search(algorithm)(fused, frames, member, 0)])
        for name, algorithm, member in list_members(spec, fused)
    }
    for row, (result, found) in enumerate(
        zip(results, quality([one.frame for one in results]), strict=True)
    ):
        assert found == min(values[row] for values in alone.values())
        assert alone[result.details.note.removeprefix("worst: ")][row] == found
    assert results[0].details.backwards >= 4 * 4


def test_passes_are_those_of_each_frames_own_searches(
    fused: TorchEngine, street_frame: Frame
) -> None:
    """ "loc" looks at the clean outputs, "create", which a frame without objects gets, does not:
    one pass less per member."""
    empty = street_frame.replace(token="empty", boxes=Boxes.empty())
    spec = AttackSpec(
        "suite", Threat(camera_levels=8), objective="loc", steps=2, random_start=False
    )
    together = attack_frames(fused, [street_frame, empty], spec, 0)
    alone = [attack_frames(fused, [frame], spec, 0)[0] for frame in (street_frame, empty)]
    assert [one.details.forwards for one in together] == [one.details.forwards for one in alone]
    assert alone[0].details.forwards > alone[1].details.forwards


@pytest.mark.parametrize("objective", sorted(OBJECTIVES))
def test_members_read_no_head_that_the_objective_does_not_read(
    fused: TorchEngine, objective: str
) -> None:
    """A model of the map alone has no training loss for boxes."""
    found = list_members(AttackSpec("suite", Threat(range_m=0.2), objective), fused)
    heads = set(OBJECTIVES[objective].heads)
    assert {head for _, _, spec in found for head in OBJECTIVES[spec.objective].heads} <= heads
    assert [name for name, _, spec in found if not spec.straight_through] == [
        "pgd blind to pillar changes"
    ]
