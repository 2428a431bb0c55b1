from reports.first_sentence import write_first_sentence
from reports.formatting import SPACE
from reports.results_view import ResultsView
from reports.schema import Results


def sentence(results: Results, *kinds: str) -> str:
    """The sentence on a file that holds cells of these kinds only, and no summary."""
    cells = tuple(cell for cell in results.cells if cell.condition.kind in kinds)
    curves = results.curves if "curve" in kinds else ()
    left = results.model_copy(update={"cells": cells, "summary": {}, "curves": curves})
    view = ResultsView(left)
    return write_first_sentence(view, view.series[0]).replace(SPACE, " ")


def test_corruptions_come_first(whole: Results) -> None:
    # mAP is 0.6 clean, 0.4 and 0.2 in fog, 0.5 and 0.1 in rain: the mean of 0.3 is half of it.
    text = sentence(whole, "clean", "corruption", "curve", "attack")
    assert "keeps 50 % of its clean mAP" in text
    assert "averaged over 2 corruptions" in text


def test_curves_come_before_attacks(whole: Results) -> None:
    text = sentence(whole, "clean", "curve", "attack")
    assert "under fog, mAP falls to half of its clean value at 75 m (visibility)" in text


def test_attacks_alone_and_nothing(whole: Results) -> None:
    assert "under the worst attack" in sentence(whole, "clean", "attack")
    assert sentence(whole, "clean").endswith("only the clean run was measured.")
