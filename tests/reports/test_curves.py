from reports.formatting import format_condition
from reports.html.attack_tables import attack_table, describe_transfers
from reports.html.heatmap import severity_scales
from reports.results_view import ResultsView
from reports.schema import Cell, Condition, Metric, Results
from reports.svg.attack_curves import attack_curves
from reports.svg.curve_panels import Panel
from reports.svg.drawn_series import select_series
from reports.svg.severity_curves import severity_curves


def cell(condition: Condition, value: float, engine: str = "torch", **details: str) -> Cell:
    metrics = {"mAP": Metric(value=value, n_frames=5, n_scenes=2)}
    identity = f"{condition.name}{condition.severity}{condition.parameters}{engine}"
    return Cell(
        id=identity,
        model="fused",
        engine=engine,
        condition=condition,
        seed=0,
        metrics=metrics,
        details=details,
    )


def view(results: Results, *cells: Cell) -> ResultsView:
    return ResultsView(results.model_copy(update={"cells": cells, "summary": {}}))


def fog(severity: int, visibility: float) -> Condition:
    parameters: dict[str, float | int | str | None] = {"visibility_m": visibility}
    return Condition(
        kind="corruption",
        name="fog",
        severity=severity,
        parameters=parameters,
        axis="visibility_m",
        unit="m",
    )


def pgd(eps: float, steps: int, name: str = "camera_pgd") -> Condition:
    return Condition(
        kind="attack",
        name=name,
        parameters={"eps": eps, "steps": steps},
        axis="eps",
        unit="/255",
        sensors=("camera",),
    )


def column(panel: Panel) -> list[str]:
    return [value.text for row in panel.rows for value in row.values[:1] if value]


CLEAN = cell(Condition(kind="clean", name="clean"), 0.6)


def test_columns_of_the_table_run_from_mild_to_severe_whatever_the_order_of_the_file(
    results: Results,
) -> None:
    looked = view(
        results, cell(fog(3, 50), 0.2), cell(fog(1, 400), 0.5), CLEAN, cell(fog(2, 100), 0.3)
    )
    panel = severity_curves(looked)[0].panels[0]
    assert [row.level for row in panel.rows] == ["clean", "400", "100", "50"]
    assert column(panel) == ["60.0\u00a0%", "50.0\u00a0%", "30.0\u00a0%", "20.0\u00a0%"]
    assert panel.chart.x_label == "visibility (m)"
    assert severity_scales(looked)[0].levels == (
        "visibility\u00a0400\u00a0m",
        "visibility\u00a0100\u00a0m",
        "visibility\u00a050\u00a0m",
    )


def test_a_parameter_that_does_not_differ_with_severity_is_no_axis(results: Results) -> None:
    panel = severity_curves(view(results, CLEAN, cell(fog(1, 1), 0.2), cell(fog(2, 1), 0.1)))[
        0
    ].panels[0]
    assert panel.chart.x_label == "severity"
    assert [row.level for row in panel.rows] == ["clean", "1", "2"]


def test_attacks_of_other_steps_are_not_mixed(results: Results) -> None:
    looked = view(
        results, CLEAN, cell(pgd(4, 10), 0.3), cell(pgd(4, 50), 0.1), cell(pgd(8, 10), 0.2)
    )
    ten, fifty = attack_curves(looked)[0].panels
    assert [row.level for row in ten.rows] == ["clean", "4", "8"]
    assert column(ten) == ["60.0\u00a0%", "30.0\u00a0%", "20.0\u00a0%"]
    assert column(fifty) == ["60.0\u00a0%", "10.0\u00a0%"]
    assert (ten.name, fifty.name) == ("camera PGD, steps\u00a010", "camera PGD, steps\u00a050")


def test_the_noise_control_is_drawn_with_its_attack_and_alone_where_there_is_none(
    results: Results,
) -> None:
    noise = cell(pgd(4, 0, "camera_noise"), 0.55)
    (panel,) = attack_curves(view(results, CLEAN, cell(pgd(4, 10), 0.3), noise))[0].panels
    assert [line.control for line in panel.chart.lines] == [False, True]
    assert panel.columns == ("fused", "fused, camera noise")
    (panel,) = attack_curves(view(results, CLEAN, noise))[0].panels
    assert (panel.name, [line.control for line in panel.chart.lines]) == ("camera noise", [True])


def test_a_universal_attack_stands_beside_its_control_which_is_learnt_on_no_frames(
    results: Results,
) -> None:
    universal = pgd(4, 10, "camera_universal")
    learnt = universal.model_copy(update={"parameters": {**universal.parameters, "fit_frames": 32}})
    noise = Condition(
        kind="attack", name="camera_universal_noise", parameters={"eps": 4}, axis="eps", unit="/255",
        sensors=("camera",), control=True,
    )  # fmt: skip
    looked = view(results, CLEAN, cell(learnt, 0.3), cell(noise, 0.55))
    (panel,) = attack_curves(looked)[0].panels
    assert panel.columns == ("fused", "fused, camera universal noise")
    assert [row.budget for row in attack_table(looked).rows] == ["eps\u00a04/255"] * 2, (
        "frames to fit on are no budget"
    )


def test_the_budget_in_the_table_is_what_the_attacker_may_change(results: Results) -> None:
    """Not how close to a sensor no point may come, nor how hard he searches."""
    joint = Condition(
        kind="attack", name="joint_pgd", axis="camera_levels", unit="/255", sensors=("camera", "lidar"),
        parameters={
            "camera_levels": 8, "range_m": 0.1, "r_min_m": 1.0, "objective": "hide", "steps": 10, "restarts": 1,
            "step_share": 0.25, "random_start": 1, "straight_through": 1,
        },
    )  # fmt: skip
    (row,) = attack_table(view(results, CLEAN, cell(joint, 0.1))).rows
    assert row.budget == "camera levels\u00a08/255, range\u00a00.1\u00a0m"
    assert (row.objective, row.effort) == ("hide", "restarts\u00a01, steps\u00a010")


def test_frames_attacked_on_another_engine_are_named(results: Results) -> None:
    own = cell(pgd(4, 10), 0.1, crafted_on="fused/torch")
    other = cell(pgd(4, 10), 0.2, engine="onnx", crafted_on="fused/torch")
    (text,) = describe_transfers(view(results, own, other))
    assert (
        text
        == "fused (onnx): attacked with the gradients of fused/torch, the same model (its deployed form)."
    )
    (text,) = describe_transfers(view(results, cell(pgd(4, 10), 0.2, crafted_on="surrogate/torch")))
    assert text.endswith(
        "of surrogate/torch, another model: a transfer attack, no white-box figure."
    )
    assert describe_transfers(view(results, own)) == ()


def test_transfers_from_two_models_have_names_of_their_own_and_the_control_beside_them(
    results: Results,
) -> None:
    own = pgd(4, 10)
    transfers_from = [
        own.model_copy(
            update={
                "name": "camera_pgd_transfer",
                "parameters": {**own.parameters, "crafted_on": source},
            }
        )
        for source in ("b/torch", "c/torch")
    ]
    noise = cell(pgd(4, 0, "camera_noise"), 0.55)
    looked = view(
        results, CLEAN, *(cell(one, 0.3, crafted_on="b/torch") for one in transfers_from), noise
    )
    panels = attack_curves(looked)[0].panels
    names = [f"camera PGD transfer, from {source}" for source in ("b/torch", "c/torch")]
    assert [panel.name for panel in panels] == names
    assert [panel.columns for panel in panels] == [("fused", "fused, camera noise")] * 2
    rows = attack_table(looked).rows
    assert [row.attack for row in rows] == [*names, "camera noise"]
    assert {row.budget for row in rows} == {"eps\u00a04/255"}
    assert [format_condition(one) for one in transfers_from] == [
        f"camera PGD transfer, eps\u00a04/255, from {source}" for source in ("b/torch", "c/torch")
    ]
    assert describe_transfers(looked) == (), "the rows say it"


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


def test_a_corruption_of_an_unused_sensor_has_no_line(results: Results) -> None:
    lidar = fog(1, 400).model_copy(update={"sensors": ("lidar",)})
    cells = [c.model_copy(update={"model": "camera-only"}) for c in (CLEAN, cell(lidar, 0.6))]
    assert severity_curves(view(results, *cells)) == ()


def test_shares_are_in_percent_on_the_axis(results: Results) -> None:
    condition = Condition(
        kind="corruption",
        name="crosstalk",
        severity=1,
        parameters={"share_hit": 0.004},
        axis="share_hit",
    )
    panel = severity_curves(view(results, CLEAN, cell(condition, 0.5)))[0].panels[0]
    assert [tick.text for tick in panel.chart.x_ticks] == ["clean", "0.4\u00a0%"]
    assert [row.level for row in panel.rows] == ["clean", "0.4\u00a0%"]
