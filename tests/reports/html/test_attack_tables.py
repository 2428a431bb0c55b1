from reports.html.attack_tables import attack_table, describe_transfers
from reports.schema import Condition, Results
from tests.reports.curve_cells import CLEAN, cell, pgd, view


def test_the_budget_in_the_table_is_what_the_attacker_may_change(results: Results) -> None:
    """Not how close to a sensor no point may come, nor how hard he searches."""
    joint = Condition(
        kind="attack",
        name="joint_pgd",
        axis="camera_levels",
        unit="/255",
        sensors=("camera", "lidar"),
        parameters={
            "camera_levels": 8,
            "range_m": 0.1,
            "r_min_m": 1.0,
            "objective": "hide",
            "steps": 10,
            "restarts": 1,
            "step_share": 0.25,
            "random_start": 1,
            "straight_through": 1,
        },
    )
    (row,) = attack_table(view(results, CLEAN, cell(joint, 0.1))).rows
    assert row.budget == "camera levels\u00a08/255, range\u00a00.1\u00a0m"
    assert (row.objective, row.effort) == ("hide", "restarts\u00a01, steps\u00a010")


def test_frames_attacked_on_another_engine_are_named(results: Results) -> None:
    own = cell(pgd(4, 10), 0.1, crafted_on="fused/torch")
    other = cell(pgd(4, 10), 0.2, engine="onnx", crafted_on="fused/torch")
    (text,) = describe_transfers(view(results, own, other))
    assert (
        text
        == "fused (onnx): attacked with the gradients of fused/torch, the same model (its deployed "
        "form)."
    )
    (text,) = describe_transfers(view(results, cell(pgd(4, 10), 0.2, crafted_on="surrogate/torch")))
    assert text.endswith(
        "of surrogate/torch, another model: a transfer attack, no white-box figure."
    )
    assert describe_transfers(view(results, own)) == ()
