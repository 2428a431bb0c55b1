"""What a sanity verdict does to every output: a failed check makes attack figures suspect
everywhere.
"""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest

from reports.first_screen import make_first_screen
from reports.gate.evaluate import ExitCode, GateReport, evaluate_rules
from reports.gate.rules import Rule, Rules
from reports.html import render_html
from reports.html.attack_tables import attack_table, cross_tables
from reports.results_file import read_results, write_results
from reports.results_view import ResultsView
from reports.sanity_verdict import engine_verdicts, is_unchecked, sanity_lines
from reports.schema import Cell, Check, Condition, LossTrace, Metric, Model, Results, SanityCheck
from reports.svg.attack_curves import attack_curves
from reports.svg.trace_chart import trace_charts
from reports.writers.console import gate_lines, headline_lines
from reports.writers.junit import junit_xml
from reports.writers.markdown import markdown_summary
from reports.writers.openmetrics import openmetrics_text

CLEAN = Condition(kind="clean", name="clean")


def attack(
    levels: int, name: str = "camera_pgd", severity: int = 0, **parameters: Any
) -> Condition:
    control = name.endswith("noise")
    more = {} if control else {"steps": 10, "step_share": 0.25, "objective": "hide", **parameters}
    return Condition(
        kind="attack",
        name=name,
        severity=severity,
        axis="camera_levels",
        unit="/255",
        sensors=("camera",),
        parameters={"camera_levels": levels, **more},
    )


def cell(
    condition: Condition, value: float, model: str = "a", engine: str = "torch-cpu", **extra: Any
) -> Cell:
    metrics = {"mAP": Metric(value=value, n_frames=8, n_scenes=4)}
    if condition.kind == "attack":
        metrics["ASR"] = Metric(value=0.25, n_frames=8, n_scenes=4, higher_is_better=False)
    name = f"{model}{engine}{condition.name}{condition.severity}{condition.parameters}"
    if condition.kind != "clean":
        extra["budget" if condition.kind == "attack" else "effect"] = Check(
            passed=True, measured={}
        )
    details = (
        {}
        if condition.kind != "attack"
        else {"crafted_on": f"{model}/torch-cpu", **extra.pop("details", {})}
    )
    return Cell(
        id=name,
        model=model,
        engine=engine,
        condition=condition,
        seed=0,
        metrics=metrics,
        details=details,
        **extra,
    )


def checks(model: str = "a", **changes: str) -> tuple[SanityCheck, ...]:
    """S1 PASS, S7 PASS, S12 WARN, S6 NOT RUN, with changes."""
    wanted = {"S1": "PASS", "S7": "PASS", "S12": "WARN", "S6": "NOT RUN"} | changes
    return tuple(
        SanityCheck(
            id=name,
            title=f"title of {name}",
            model=model,
            engine="torch-cpu",
            verdict=found,
            measured={"x": 1.5},
            message=f"meaning of {name}",
        )
        for name, found in wanted.items()
    )


CELLS = (
    cell(CLEAN, 0.6),
    cell(attack(4), 0.3),
    cell(attack(4, "camera_noise"), 0.58),
    cell(attack(4), 0.35, engine="onnxruntime"),
    cell(CLEAN, 0.5, model="b"),
    cell(attack(4), 0.4, model="b"),
    cell(attack(4), 0.45, model="c", engine="user", details={"crafted_on": "a/torch-cpu"}),
)


@pytest.fixture
def sound(results: Results) -> Results:
    models = tuple(Model(name=name, sha256=name, sensors=("camera",)) for name in "abc")
    provenance = results.provenance.model_copy(update={"n_frames": 8, "n_scenes": 4})
    return results.model_copy(
        update={
            "cells": CELLS,
            "provenance": provenance,
            "models": models,
            "summary": {},
            "pictures": (),
            "sanity": checks() + checks("b"),
        }
    )


@pytest.fixture
def suspect(sound: Results) -> Results:
    return sound.model_copy(update={"sanity": checks(S7="FAIL") + checks("b")})


# --- which figures ---


def test_only_attacks_of_the_failed_model_or_with_its_gradients_are_suspect(
    sound: Results, suspect: Results
) -> None:
    assert [ResultsView(sound).sanity.find_failed_checks(c) for c in CELLS] == [()] * 7
    # clean, attack, noise, the deployed form; another model, attacked on itself; a transfer of the
    # failed gradients
    assert [ResultsView(suspect).sanity.find_failed_checks(c) for c in CELLS] == [
        (),
        ("S7",),
        (),
        ("S7",),
        (),
        (),
        ("S7",),
    ]


def test_a_warning_and_a_check_that_was_not_run_make_nothing_suspect(sound: Results) -> None:
    first, _ = engine_verdicts(sound)
    assert (first.suspect, first.summary()) == (False, "2 passed, 1 warned, 1 not run")


def test_attacks_without_any_check_are_called_unchecked(sound: Results) -> None:
    bare = sound.model_copy(update={"sanity": ()})
    assert is_unchecked(bare)
    assert not is_unchecked(sound)
    assert list(sanity_lines(bare)) == ["no sanity verdict: the attack figures are unchecked"]
    assert "unchecked: the file holds no sanity verdict" in render_html(bare, Path())
    assert not is_unchecked(bare.model_copy(update={"cells": CELLS[:1]}))
    not_run = tuple(check.model_copy(update={"verdict": "NOT RUN"}) for check in sound.sanity)
    idle = sound.model_copy(update={"sanity": not_run})
    assert is_unchecked(idle)
    assert list(sanity_lines(idle)) == [
        "sanity of a/torch-cpu: attack figures unchecked; 4 not run",
        "sanity of b/torch-cpu: attack figures unchecked; 4 not run",
        "no sanity check was run: the attack figures are unchecked",
    ]
    page, summary = render_html(idle, Path()), markdown_summary(idle)
    assert "unchecked: no sanity check was run" in page
    assert "– a/torch-cpu, unchecked:" in page
    assert "✓ a/torch-cpu" not in page
    assert "– unchecked: 4 not run." in summary
    by_queries = Condition(
        kind="attack", name="camera_square", parameters={"queries": 200, "restarts": 1}
    )
    asked = bare.model_copy(update={"cells": (CELLS[0], cell(by_queries, 0.2))})
    assert is_unchecked(asked)
    page = render_html(asked, Path()).replace("\u00a0", " ").replace("&nbsp;", " ")
    assert "queries 200, restarts 1" in page


def test_a_first_sentence_that_rests_on_a_suspect_figure_says_so(
    sound: Results, suspect: Results
) -> None:
    first = make_first_screen(ResultsView(sound), None).sentence
    assert first.endswith(" under the worst attack.")
    assert (
        make_first_screen(ResultsView(suspect), None).sentence
        == first[:-1] + " (SUSPECT (S7): not to be relied on)."
    )


# --- the file ---


@pytest.mark.parametrize("version", ["1.0", "1.1", "1.2", "1.3", "1.4"])
def test_readers_take_every_minor_version(tmp_path: Path, suspect: Results, version: str) -> None:
    path = tmp_path / "results.json"
    write_results(path, suspect)
    content = json.loads(path.read_text())
    del content["sha256"]
    content["schema_version"] = version
    newer = {"1.0": ("curves", "sanity"), "1.1": ("sanity",)}.get(version, ())
    for name in newer:
        del content[name]
    if version in ("1.0", "1.1"):
        for one in content["cells"]:
            del one["traces"]
    path.write_text(json.dumps(content))
    read = read_results(path)
    assert read.schema_version == version
    assert read.cells == suspect.cells
    assert read.sanity == (suspect.sanity if version >= "1.2" else ())


# --- the writers ---


def test_the_page_says_suspect_at_every_attack_figure(sound: Results, suspect: Results) -> None:
    page = render_html(suspect, Path())
    assert page == render_html(suspect, Path())
    section = page[page.index('<section id="attacks">') : page.index('<section id="gallery">')]
    score = page[page.index('<section id="scorecard">') : page.index('<section id="classes">')]
    assert "✗ SUSPECT (S7)" in score
    assert "✗ SUSPECT.</b> The attack figures of a/torch-cpu must not be relied on" in section
    assert section.count("✗ SUSPECT (S7)") >= 4  # curve, three rows of the table
    assert '<b class="bad">✗ failed</b>' in section
    assert '<b class="warn">! warning</b>' in section
    assert '<b class="quiet">– not run</b>' in section
    assert "meaning of S7" in section
    assert "SUSPECT (S7): not to be relied on" in page[: page.index("<main>")]
    assert "SUSPECT" not in render_html(sound, Path())


def test_markdown_says_it_at_the_score_and_lists_the_checks(
    suspect: Results, sound: Results
) -> None:
    text = markdown_summary(suspect).replace("\u00a0", " ")
    row = next(line for line in text.splitlines() if line.startswith("| a (torch-cpu) |"))
    assert "30.0 % (camera PGD, camera levels 4/255) **✗ SUSPECT (S7)**" in row
    assert (
        "**✗ SUSPECT: do not rely on these attack figures.** 1 passed, 1 warned, 1 failed (S7), 1 "
        "not run." in text
    )
    table = text[text.index("## Sanity of the attacks on a/torch-cpu") :]
    assert table.index("| S7 | title of S7 | ✗ fail | meaning of S7 |") < table.index(
        "| S1 | title of S1 | ✓ pass |"
    )
    assert "SUSPECT" not in markdown_summary(sound)


def test_junit_fails_suspect_cells_and_failed_checks_and_skips_what_was_not_run(
    suspect: Results,
) -> None:
    root = ElementTree.fromstring(junit_xml(suspect))
    cases = {
        (str(case.get("classname")), str(case.get("name"))): case for case in root.iter("testcase")
    }
    assert len(cases) == len(CELLS) + 8 == int(root.attrib["tests"])
    failed = [name for (_, name), case in cases.items() if case.find("failure") is not None]
    assert len(failed) == 4 == int(root.attrib["failures"])
    assert failed[-1] == "S7 title of S7"
    assert root.attrib["skipped"] == "2"
    check = cases["sanity.a/torch-cpu", "S7 title of S7"].find("failure")
    assert check is not None
    assert check.text == "FAIL: meaning of S7\nx\u00a01.5"
    assert cases["sanity.a/torch-cpu", "S6 title of S6"].find("skipped") is not None
    warned = cases["sanity.a/torch-cpu", "S12 title of S12"]
    assert [child.tag for child in warned] == ["system-out"]


def test_openmetrics_has_a_value_per_check_and_per_attack_cell(suspect: Results) -> None:
    text = openmetrics_text(suspect)
    values = dict(
        re.findall(
            r'calico_sanity_check\{model="a",engine="torch-cpu",check="(S\d+)"\} (\S+)', text
        )
    )
    assert values == {"S1": "1.0", "S7": "0.0", "S12": "0.5"}
    marks = re.findall(
        r'calico_attack_suspect\{model="(\w)",engine="([\w-]+)",kind="attack",condition="(\w+)".* '
        r"(\S+)",
        text,
    )
    assert marks == [
        ("a", "torch-cpu", "camera_pgd", "1.0"),
        ("a", "torch-cpu", "camera_noise", "0.0"),
        ("a", "onnxruntime", "camera_pgd", "1.0"),
        ("b", "torch-cpu", "camera_pgd", "0.0"),
        ("c", "user", "camera_pgd", "1.0"),
    ]


def test_the_terminal_names_what_failed_and_what_warned(suspect: Results) -> None:
    lines = list(sanity_lines(suspect))
    assert lines[:3] == [
        "sanity of a/torch-cpu: SUSPECT: do not rely on the attack figures; 1 passed, 1 warned, 1 "
        "failed (S7), 1 not run",
        "  FAIL S7 title of S7: meaning of S7",
        "  WARN S12 title of S12: meaning of S12",
    ]
    assert lines[3].startswith("sanity of b/torch-cpu: attack figures checked; 2 passed")
    shown = "\n".join(headline_lines(suspect))
    assert lines[0] in shown
    assert "SUSPECT (S7): not to be relied on" in shown


# --- the gate ---

OWN = {"model": "a", "engine": "torch-cpu", "condition": "camera_pgd"}


def gate(results: Results, baseline: Results | None = None, **rule: Any) -> GateReport:
    return evaluate_rules(results, Rules(rules=(Rule(**rule),)), baseline)


@pytest.mark.parametrize(
    ("rule", "states", "code"),
    [
        ({"metric": "mAP", "kind": "clean", "min": 0.4}, ["passed", "passed"], ExitCode.PASSED),
        ({"metric": "mAP", "model": "b", "min": 0.1}, ["passed", "passed"], ExitCode.PASSED),
        ({"metric": "mAP", "condition": "camera_noise", "min": 0.1}, ["passed"], ExitCode.PASSED),
        ({"metric": "mAP", **OWN, "min": 0.1}, ["inconclusive"], ExitCode.INCONCLUSIVE),
        ({"metric": "ASR", **OWN, "max": 0.3}, ["inconclusive"], ExitCode.INCONCLUSIVE),
        # an attack that does not work can only hide harm: what is missed in spite of it is missed
        ({"metric": "mAP", **OWN, "min": 0.31}, ["failed"], ExitCode.REGRESSION),
        (
            {"metric": "mAP", **OWN, "relative_to_clean_min": 0.5},
            ["inconclusive"],
            ExitCode.INCONCLUSIVE,
        ),
    ],
)
def test_suspect_figures_do_not_pass(
    suspect: Results, rule: dict[str, Any], states: list[str], code: ExitCode
) -> None:
    verdict = gate(suspect, **rule)
    assert [check.state for check in verdict.checks] == states
    assert verdict.exit_code == code
    assert verdict.passed == (code == ExitCode.PASSED)


def test_a_certain_failure_goes_before_a_doubt(suspect: Results) -> None:
    verdict = gate(suspect, metric="mAP", model="a", engine="torch-cpu", min=0.5)
    assert [check.state for check in verdict.checks] == ["passed", "failed", "passed"]
    mixed = evaluate_rules(
        suspect,
        Rules(
            rules=(
                Rule(metric="mAP", kind="attack", min=0.1),
                Rule(metric="mAP", kind="clean", min=0.9),
            )
        ),
    )
    assert mixed.count("inconclusive") == 3
    assert mixed.exit_code == ExitCode.REGRESSION


def test_a_drop_from_a_suspect_baseline_is_a_doubt_too(sound: Results, suspect: Results) -> None:
    def weaker(results: Results) -> Results:
        worse = tuple(
            c.model_copy(
                update={
                    "metrics": {
                        **c.metrics,
                        "mAP": c.metrics["mAP"].model_copy(update={"value": 0.1}),
                    }
                }
            )
            for c in results.cells
        )
        return results.model_copy(update={"cells": worse})

    rule = {
        "metric": "mAP",
        "model": "a",
        "engine": "torch-cpu",
        "condition": "camera_pgd",
        "max_drop": 0.02,
    }
    assert [c.state for c in gate(weaker(sound), sound, **rule).checks] == ["failed"]
    (check,) = gate(weaker(sound), suspect, **rule).checks
    assert check.state == "inconclusive"
    assert "the baseline's attack figures are SUSPECT (S7)" in check.message


def test_every_writer_shows_an_inconclusive_gate(suspect: Results) -> None:
    verdict = gate(
        suspect, metric="mAP", model="a", engine="torch-cpu", condition="camera_pgd", min=0.1
    )
    text = "\n".join(gate_lines(verdict))
    assert (
        "inconclusive  mAP  a torch-cpu camera PGD, camera levels 4/255: 30.0 %, at least 10.0 %; "
        "attack figures are" in text
    )
    assert text.endswith(
        "gate: not passed (0 passed, 0 failed, 0 error, 1 inconclusive), exit code 4"
    )
    page = render_html(suspect, Path(), gate=verdict)
    assert "! inconclusive</b>" in page
    assert "1 inconclusive (exit code 4)" in page
    assert "1 rest on suspect attack figures" in page
    assert "! **inconclusive**" in markdown_summary(suspect, gate=verdict)
    root = ElementTree.fromstring(junit_xml(suspect, verdict))
    case = next(
        case for case in root.iter("testcase") if str(case.get("classname")).startswith("gate.")
    )
    failure = case.find("failure")
    assert failure is not None
    assert str(failure.get("message")).startswith("inconclusive: 30.0")
    assert 'calico_gate_checks{state="inconclusive"} 1.0' in openmetrics_text(suspect, verdict)


# --- the attack section ---


def test_attacks_of_other_effort_have_panels_of_their_own(sound: Results) -> None:
    cells = (
        CELLS[0],
        cell(attack(2), 0.5),
        cell(attack(8), 0.2),
        cell(attack(8, steps=50, step_share=0.05), 0.1),
        cell(attack(8, "camera_pgd_det", objective="det"), 0.15),
        cell(attack(8, "camera_noise"), 0.59),
    )
    view = ResultsView(sound.model_copy(update={"cells": cells}))
    panels = {panel.name: panel for panel in attack_curves(view)[0].panels}
    assert list(panels) == [
        "camera PGD, steps\u00a010",
        "camera PGD, steps\u00a050",
        "camera PGD det",
    ]
    assert [row.level for row in panels["camera PGD, steps\u00a010"].rows] == ["clean", "2", "8"]
    assert [row.level for row in panels["camera PGD, steps\u00a050"].rows] == ["clean", "8"]
    for panel in panels.values():
        assert panel.columns == ("a", "a, camera noise")
    assert [group.title for group in attack_curves(view)] == [
        "3D detection, mAP",
        "Attack success rate, ASR",
    ]


def test_joint_budgets_that_scale_together_are_one_curve_and_others_are_not(sound: Results) -> None:
    def joint(levels: int, metres: float) -> Cell:
        return cell(attack(levels, "joint_pgd", range_m=metres), 0.2)

    view = ResultsView(
        sound.model_copy(update={"cells": (CELLS[0], joint(2, 0.05), joint(4, 0.1))})
    )
    (panel,) = attack_curves(view)[0].panels
    assert [row.level for row in panel.rows] == ["clean", "2", "4"]
    view = ResultsView(sound.model_copy(update={"cells": (CELLS[0], joint(4, 0.1), joint(4, 0.2))}))
    assert [panel.name for panel in attack_curves(view)[0].panels] == [
        "joint PGD, range\u00a00.1\u00a0m",
        "joint PGD, range\u00a00.2\u00a0m",
    ]


def test_the_table_of_attacks_has_effort_budget_and_success_rate(suspect: Results) -> None:
    table = attack_table(ResultsView(suspect))
    assert table.metrics == ("mAP", "ASR")
    first, control = table.rows[:2]
    assert (first.attack, first.objective, first.effort, first.suspect) == (
        "camera PGD",
        "hide",
        "steps\u00a010",
        "SUSPECT (S7)",
    )
    assert first.budget == "camera levels\u00a04/255"
    assert [value.text for value in first.values] == ["30.0\u00a0%", "25.0\u00a0%"]
    assert first.values[0].kept == "50\u00a0%"
    assert (control.control, control.suspect, control.effort) == (True, "", "–")


def test_attacks_on_corrupted_frames_have_a_table_and_are_in_no_curve_and_no_worst_case(
    suspect: Results,
) -> None:
    fog = [
        Condition(kind="corruption", name="fog", severity=s, sensors=("camera",)) for s in (1, 3)
    ]
    both = [
        cell(attack(4, "fog+camera_pgd", severity=s), value) for s, value in ((1, 0.2), (3, 0.05))
    ]
    cells = (*CELLS[:3], cell(fog[0], 0.5), cell(fog[1], 0.4), *both)
    results = suspect.model_copy(update={"cells": cells})
    view = ResultsView(results)
    table = cross_tables(view)[0]
    assert table.attacks == ("camera PGD, camera levels\u00a04/255",)
    assert table.suspect == "SUSPECT (S7)"
    rows = {
        row.corruption: [value.text if value else None for value in row.values]
        for row in table.rows
    }
    assert rows == {
        "clean frames": ["60.0\u00a0%", "30.0\u00a0%"],
        "fog, severity\u00a01": ["50.0\u00a0%", "20.0\u00a0%"],
        "fog, severity\u00a03": ["40.0\u00a0%", "5.0\u00a0%"],
    }
    assert [panel.name for panel in attack_curves(view)[0].panels] == ["camera PGD"]
    worst = view.worst_point(view.series[0], "mAP", "attack")
    assert worst is not None
    assert worst.metric.value == 0.3
    assert "Attacks on corrupted frames: 3D detection, mAP" in render_html(results, Path())
    assert "fog, severity\u00a03 + camera PGD, camera levels\u00a04/255" in junit_xml(results)


def test_joint_attacks_on_corrupted_frames_with_another_lidar_budget_have_own_columns(
    sound: Results,
) -> None:
    def joint(name: str, metres: float, value: float, severity: int = 0) -> Cell:
        condition = attack(4, name, severity, range_m=metres)
        return cell(condition.model_copy(update={"sensors": ("camera", "lidar")}), value)

    cells = [
        joint(name, metres, value, severity)
        for name, severity in (("joint_pgd", 0), ("fog+joint_pgd", 3))
        for metres, value in ((0.1, 0.4), (0.3, 0.2))
    ]
    table = cross_tables(ResultsView(sound.model_copy(update={"cells": (CELLS[0], *cells)})))[0]
    assert [name.replace("\u00a0", " ") for name in table.attacks] == [
        "joint PGD, camera levels 4/255 + range 0.1 m",
        "joint PGD, camera levels 4/255 + range 0.3 m",
    ]
    assert [[v.text for v in row.values[1:] if v] for row in table.rows] == [
        ["40.0\u00a0%", "20.0\u00a0%"]
    ] * 2


def test_the_loss_curve_starts_at_the_clean_frame_and_ends_at_the_delivered_one(
    sound: Results,
) -> None:
    traces = (
        LossTrace(
            token="f1", objective="hide", clean=-5.0, losses=(-4.0, -2.0, -3.0), delivered=-2.1
        ),
        LossTrace(
            token="f2", objective="hide", clean=10.0, losses=(10.0, 10.5, 10.2), delivered=10.5
        ),
    )
    results = sound.model_copy(update={"cells": (CELLS[0], cell(attack(4), 0.3, traces=traces))})
    (chart,) = trace_charts(ResultsView(results))
    first, second = chart.lines
    assert first.start == (60.0, second.start[1]), (
        "both start at a rise of 0, whatever their clean value"
    )
    assert first.end[1] < second.end[1], "the first rose further: higher on the page"
    heights = [float(point.split()[1]) for point in first.path.removeprefix("M").split(" L")]
    assert heights[1] == min(heights)
    assert [tick.text for tick in chart.x_ticks] == ["clean", "1", "2", "sent"]
    assert [tick.text for tick in chart.y_ticks] == ["0", "1", "2", "3"]
    assert [(row.token, row.clean, row.best, row.delivered) for row in chart.rows] == [
        ("f1", "−5", "−2", "−2.1"),
        ("f2", "10", "10.5", "10.5"),
    ]
    page = render_html(results, Path())
    assert page.count('aria-label="Rise of the objective hide of 2\u00a0frames') == 1


def test_a_long_trace_is_thinned_and_a_flat_one_drawn(sound: Results) -> None:
    long = LossTrace(
        token="f",
        objective="hide",
        clean=0.0,
        losses=tuple(float(i) for i in range(5000)),
        delivered=4999.0,
    )
    flat = LossTrace(token="g", objective="hide", clean=1.0, losses=(1.0, 1.0), delivered=1.0)
    for trace, vertices in ((long, 239), (flat, 2)):
        results = sound.model_copy(update={"cells": (cell(attack(4), 0.3, traces=(trace,)),)})
        (chart,) = trace_charts(ResultsView(results))
        assert chart.lines[0].path.count(" L") + 1 == vertices
        assert "nan" not in chart.lines[0].path
        assert [tick.text for tick in chart.y_ticks] == {
            5000: ["0", "1000", "2000", "3000", "4000"],
            2: ["0"],
        }[len(trace.losses)]


def test_a_trace_without_iterates_is_drawn(sound: Results) -> None:
    trace = LossTrace(token="f", objective="hide", clean=1.0, losses=(), delivered=2.0)
    (chart,) = trace_charts(
        ResultsView(sound.model_copy(update={"cells": (cell(attack(4), 0.3, traces=(trace,)),)}))
    )
    assert chart.lines[0].path == ""
    assert chart.rows[0].delivered == "2"
