"""docs/reference/attacks.md is what the code says."""

from pathlib import Path

from calico_eval.attacks import ALGORITHMS
from calico_eval.attacks.budget.threat import UNITS
from calico_eval.attacks.docs import PAGE, PARTS, render_page
from calico_eval.engines.network.objectives import OBJECTIVES

ROOT = Path(__file__).parents[3]
FIX = "run `python -m calico_eval.attacks.docs` and commit docs/reference/attacks.md"


def page() -> str:
    return render_page((ROOT / PARTS).read_text(encoding="utf-8"))


def test_the_page_is_that_of_the_code() -> None:
    assert (ROOT / PAGE).read_text(encoding="utf-8") == page(), FIX


def test_every_attack_objective_and_allowance_is_on_it() -> None:
    text = page()
    for name in (*ALGORITHMS, *OBJECTIVES, *UNITS):
        assert f"`{name}`" in text
    assert "<!--" not in text
