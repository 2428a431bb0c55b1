"""How an evaluation is carried out, and who hears of it."""

from __future__ import annotations

from calico_eval.evaluation.options import Listeners, RunOptions, Steps


def test_steps_are_added_up_and_reported() -> None:
    heard: list[tuple[int, int, str]] = []
    steps = Steps(lambda done, total, what: heard.append((done, total, what)), 5)
    steps.count_frames(2, "clean on a")
    steps.count_frames(0, "sanity")
    steps.count_frames(3, "fog on a")
    assert heard == [(2, 5, "clean on a"), (2, 5, "sanity"), (5, 5, "fog on a")]


def test_nobody_listens_unless_asked_and_nothing_is_deleted() -> None:
    assert Listeners().warn("unheard") is None
    options = RunOptions("title")
    assert (options.resume, options.overwrite, options.save_attacked) == (False, False, False)
    assert (options.pictures, options.sanity) == (True, True)
