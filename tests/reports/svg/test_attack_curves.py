from reports.formatting import format_condition
from reports.html.attack_tables import attack_table, describe_transfers
from reports.schema import Condition, Results
from reports.svg.attack_curves import attack_curves
from tests.reports.curve_cells import CLEAN, cell, column, pgd, view


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
        kind="attack",
        name="camera_universal_noise",
        parameters={"eps": 4},
        axis="eps",
        unit="/255",
        sensors=("camera",),
        control=True,
    )
    looked = view(results, CLEAN, cell(learnt, 0.3), cell(noise, 0.55))
    (panel,) = attack_curves(looked)[0].panels
    assert panel.columns == ("fused", "fused, camera universal noise")
    assert [row.budget for row in attack_table(looked).rows] == ["eps\u00a04/255"] * 2, (
        "frames to fit on are no budget"
    )


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
