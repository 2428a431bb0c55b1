from reports.schema import Cell, Metric, Results
from reports.svg.attack_curves import attack_curves
from reports.svg.drawn_series import select_series
from tests.reports.curve_cells import CLEAN, cell, fog, pgd, view


def test_engines_of_a_model_that_agree_share_a_line_and_others_do_not(results: Results) -> None:
    def attacked(engine: str, clean: float, value: float) -> tuple[Cell, Cell]:
        return cell(CLEAN.condition, clean, engine), cell(pgd(4, 10), value, engine)

    agreeing = view(results, *attacked("onnx", 0.6, 0.2), *attacked("torch", 0.601, 0.204))
    (panel,) = attack_curves(agreeing)[0].panels
    assert (
        [s.label for s in select_series(agreeing, "attack")]
        == ["fused (onnx) = fused (torch)"]
        == list(panel.columns)
    )
    assert len(panel.chart.lines) == 1
    for one in (attacked("torch", 0.6, 0.21), attacked("torch", 0.61, 0.2)):
        differing = view(results, *attacked("onnx", 0.6, 0.2), *one)
        (panel,) = attack_curves(differing)[0].panels
        assert (
            [s.label for s in select_series(differing, "attack")]
            == ["fused (onnx)", "fused (torch)"]
            == list(panel.columns)
        )


def test_engines_whose_success_rates_differ_share_no_line(results: Results) -> None:
    """The page says of engines on one line that they agree everywhere."""

    def attacked(engine: str, rate: float) -> tuple[Cell, Cell]:
        one = cell(pgd(4, 10), 0.2, engine)
        asr = Metric(value=rate, n_frames=5, n_scenes=2, higher_is_better=False)
        return cell(CLEAN.condition, 0.6, engine), one.model_copy(
            update={"metrics": {**one.metrics, "ASR": asr}}
        )

    for rate, labels in (
        (0.302, ["fused (onnx) = fused (torch)"]),
        (0.4, ["fused (onnx)", "fused (torch)"]),
    ):
        looked = view(results, *attacked("onnx", 0.3), *attacked("torch", rate))
        assert [s.label for s in select_series(looked, "attack")] == labels


def test_the_key_names_only_what_has_a_line(results: Results) -> None:
    looked = view(
        results,
        CLEAN,
        cell(fog(1, 400), 0.5),
        cell(CLEAN.condition, 0.6, "onnx"),
        cell(pgd(4, 10), 0.2, "onnx"),
    )
    assert [s.engine for s in select_series(looked, "corruption")] == ["torch"]
    assert [s.engine for s in select_series(looked, "attack")] == ["onnx"]
