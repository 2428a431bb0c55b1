import pytest

from calico.errors import CalicoError
from calico_eval.evaluation.suites import choose_suite, list_suites, spread_indices
from corruptions.presets import PRESETS, choose_levels


def test_without_options_our_own_suite_at_all_of_its_levels() -> None:
    chosen = choose_suite(None, (), (), ())
    assert (chosen.corruptions, chosen.severities, chosen.attacks) == (("calico",), (), ())


def test_every_suite_has_conditions() -> None:
    known = list_suites()
    assert set(known) == {"demo", *PRESETS}
    counts = {
        name: len(choose_levels(suite.corruptions, suite.severities))
        for name, suite in known.items()
    }
    assert counts["demo"] == 9 * 3
    assert counts["robo3d"] == 8 * 3
    assert min(counts.values()) >= 24


def test_an_attack_alone_brings_no_corruptions() -> None:
    assert choose_suite(None, (), (), ("pgd",)).corruptions == ()


def test_parts_of_a_suite_are_replaced() -> None:
    chosen = choose_suite("demo", ("fog",), (2,), ("pgd",))
    assert (chosen.corruptions, chosen.severities, chosen.attacks, chosen.frames) == (
        ("fog",),
        (2,),
        ("pgd",),
        10,
    )
    assert (choose_suite("demo", (), (), ()).steps, chosen.steps) == (
        5,
        None,
    )  # those of the suite's own attacks
    with pytest.raises(CalicoError, match="unknown suite 'dmeo'"):
        choose_suite("dmeo", (), (), ())


def test_frames_are_spread_from_the_first_to_the_last() -> None:
    assert spread_indices(50, 3) == [0, 24, 49]
    assert spread_indices(5, None) == spread_indices(5, 9) == [0, 1, 2, 3, 4]
    with pytest.raises(CalicoError, match="--frames 0"):
        spread_indices(5, 0)
