import base64
import hashlib
import re
from pathlib import Path

import pytest

from reports import formatting
from reports.gate.evaluate import evaluate_rules
from reports.gate.rules import Rule, Rules
from reports.html import render_html
from reports.schema import Cell, Check, Condition, Metric, Picture, Results
from reports.writers.markdown import markdown_summary
from tests.reports.html.page import Page, minimal

MODELS = ("fused", "camera-only", "lidar-only")
HOSTILE = "<script>alert('x')</script>\"&"


def test_parses_with_closed_tags_and_unique_ids(html: str) -> None:
    page = Page(html)
    ids = page.attributes("id")
    assert len(ids) == len(set(ids))
    for target in page.attributes("href"):
        assert target.removeprefix("#") in ids


def test_nothing_comes_from_outside_and_there_is_no_script(html: str) -> None:
    page = Page(html)
    assert "http://" not in html
    assert "https://" not in html
    assert "url(" not in html
    assert "@import" not in html
    assert {tag for tag, _ in page.tags} & {
        "script",
        "link",
        "iframe",
        "object",
        "embed",
        "form",
        "base",
    } == set()
    assert all(source.startswith("data:image/") for source in page.attributes("src"))
    assert all(target.startswith("#") for target in page.attributes("href"))
    assert not [
        name for _, attrs in page.tags for name in attrs if name.startswith("on") or name == "style"
    ]


def test_security_policy_allows_only_this_style_sheet(html: str) -> None:
    page = Page(html)
    (policy,) = [
        a["content"] or "" for t, a in page.tags if a.get("http-equiv") == "Content-Security-Policy"
    ]
    css = html.split("<style>")[1].split("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    assert policy.startswith("default-src 'none'; ")
    assert f"style-src 'sha256-{digest}';" in policy
    assert "img-src data:" in policy
    assert "unsafe" not in policy


def test_same_input_same_bytes_and_no_path_of_this_machine(
    results: Results, run_dir: Path, baseline: Results, html: str
) -> None:
    assert render_html(results, run_dir, baseline) == html
    assert str(run_dir) not in html


def test_size(results: Results, tmp_path: Path, html: str) -> None:
    assert len(html.encode()) < 8_000_000
    assert len(render_html(results, tmp_path).encode()) < 3_000_000


def test_first_screen_answers_the_four_questions(results: Results, html: str) -> None:
    text = html.replace("\u00a0", " ").split("</header>")[0]
    fused = [cell for cell in results.cells if cell.model == "fused"]
    clean = fused[0].metrics["mAP"].value
    corrupted = {
        (c.condition.name, c.condition.severity): c.metrics["mAP"].value
        for c in fused
        if c.condition.kind == "corruption"
    }
    name, severity = min(corrupted, key=lambda key: corrupted[key])
    assert f"{100 * clean:.1f} %" in text
    assert f"{100 * corrupted[name, severity]:.1f} %" in text
    assert f"{name}, severity {severity}" in text
    assert '<dt>Loses most to</dt><dd class="answer">fog</dd>' in text
    assert "✓ all passed" in text


def test_every_curve_has_its_numbers_in_the_table_behind_it(results: Results, html: str) -> None:
    rows = Page(html).rows
    heads = [(at, row) for at, row in enumerate(rows) if len(row) > 1 and row[1] in MODELS]
    for metric in ("mAP", "mIoU"):
        for model in ("fused", "lidar-only"):
            cells = [c for c in results.cells if c.model == model]
            for name in ("fog", "beam_missing", "pgd_points"):
                shown = [
                    c for c in cells if c.condition.kind == "clean" or c.condition.name == name
                ]
                wanted = [
                    f"{formatting.format_metric(c.metrics[metric])} "
                    f"{formatting.format_interval(c.metrics[metric])}"
                    for c in shown
                ]
                columns = [
                    [line[row.index(model)] for line in rows[at + 1 : at + 1 + len(wanted)]]
                    for at, row in heads
                    if model in row
                ]
                assert wanted in columns, (metric, model, name)


def test_changes_to_the_baseline_are_shown_and_withheld_where_not_comparable(
    results: Results, baseline: Results, tmp_path: Path
) -> None:
    page = render_html(results, tmp_path, baseline)
    new, old = results.cells[0].metrics["mAP"].value, baseline.cells[0].metrics["mAP"].value
    assert f"▼ −{100 * (old - new):.1f}\u00a0pp" in page
    other = baseline.model_copy(
        update={"provenance": baseline.provenance.model_copy(update={"data_hash": "0"})}
    )
    page = render_html(results, tmp_path, other)
    assert "▼" not in Page(page).text
    assert "Not comparable with the baseline." in page


def test_hostile_names_are_text(results: Results, tmp_path: Path) -> None:
    condition = Condition(
        kind="corruption",
        name=HOSTILE,
        severity=1,
        parameters={HOSTILE: HOSTILE},
        axis=HOSTILE,
        unit=HOSTILE,
    )
    metrics = {
        "mAP": Metric(value=0.3, n_frames=1, n_scenes=1, method=HOSTILE),
        f"AP/{HOSTILE}": Metric(value=None, reason=HOSTILE, n_frames=1, n_scenes=1),
    }
    check = Check(passed=False, measured={HOSTILE: HOSTILE}, message=HOSTILE)
    cells = [
        Cell(
            id=HOSTILE,
            model=HOSTILE,
            engine=HOSTILE,
            condition=c,
            seed=0,
            metrics=metrics,
            effect=check,
            budget=check,
        )
        for c in (
            Condition(kind="clean", name="clean"),
            condition,
            condition.model_copy(update={"kind": "attack"}),
        )
    ]
    model = results.models[0].model_copy(update={"name": HOSTILE, "description": HOSTILE})
    picture = Picture(path=HOSTILE, caption=HOSTILE, condition=condition, token=HOSTILE)
    provenance = results.provenance.model_copy(
        update={"command": HOSTILE, "machine": HOSTILE, "data": HOSTILE}
    )
    hostile = Results(
        title=HOSTILE,
        provenance=provenance,
        models=(model,),
        cells=tuple(cells),
        notes=(HOSTILE,),
        pictures=(picture,),
    )
    gate = evaluate_rules(hostile, Rules(rules=(Rule(metric="mAP", min=0.5),)))
    text = render_html(hostile, tmp_path, gate=gate)
    page = Page(text)
    assert "<script" not in text
    assert HOSTILE in page.text
    assert all(tag != "script" for tag, _ in page.tags)


def test_failed_and_absent_checks_are_open_to_see(results: Results, tmp_path: Path) -> None:
    broken = results.cells[1].model_copy(
        update={
            "effect": Check(
                passed=False, measured={"points_changed": 0.0}, message="nothing changed"
            )
        }
    )
    unchecked = results.cells[2].model_copy(update={"effect": None})
    page = render_html(minimal(results, results.cells[0], broken, unchecked), tmp_path)
    assert "✗ 1 failed" in page
    section = page.split('id="checks"')[1].split("<details>")[0]
    assert "nothing changed" in section
    assert "! absent" in section


@pytest.mark.parametrize(
    "kinds", [(), ("clean",), ("corruption",), ("attack",), ("clean", "attack")]
)
def test_sections_without_data_say_so(
    results: Results, tmp_path: Path, kinds: tuple[str, ...]
) -> None:
    cells = tuple(c for c in results.cells if c.model == "fused" and c.condition.kind in kinds)
    markup = render_html(minimal(results, *cells), tmp_path)
    page = Page(markup)
    assert ("No attack was run." in page.text) == ("attack" not in kinds)
    assert (
        ("Severity curves" in page.text)
        == ("Corruption × severity" in page.text)
        == ("corruption" in kinds)
    )
    assert ("<li>corruptions</li>" in markup) == ("corruption" not in kinds)
    assert "No pictures were saved with this run." in page.text
    assert ("a clean run: nothing can be put in relation to it" in page.text) == (
        "clean" not in kinds
    )


def test_attack_without_a_noise_control_says_so(results: Results, tmp_path: Path) -> None:
    cells = tuple(
        c for c in results.cells if c.model == "fused" and c.condition.name in ("clean", "pgd")
    )
    assert "No random-noise control was run" in render_html(minimal(results, *cells), tmp_path)


def test_hollow_marks_are_noise_alone_and_lie_below_the_attack(
    results: Results, tmp_path: Path
) -> None:
    cells = [
        c
        for c in results.cells
        if c.model == "fused" and c.condition.name in ("clean", "pgd", "uniform_noise")
    ]
    cells = [c.model_copy(update={"metrics": {"mAP": c.metrics["mAP"]}}) for c in cells]
    section = render_html(minimal(results, *cells), tmp_path).split('id="attacks"')[1]
    (chart,) = re.findall(r'<svg viewBox="0 0 360.*?</svg>', section, re.DOTALL)
    titles = re.findall(
        r'<title>([^:]*):[^<]*</title>(?:<line[^>]*>)?<path class="(mark[^"]*)"', chart
    )
    noise = [(f"fused, uniform noise, {eps}", "mark hollow") for eps in (1, 2, 4, 8)]
    assert titles == [*noise, *((f"fused, {place}", "mark") for place in ("clean", 1, 2, 4, 8))]


def test_undefined_values_give_their_reason(results: Results, tmp_path: Path) -> None:
    metrics = {
        "mAP": Metric(value=None, reason="no ground truth in this split", n_frames=3, n_scenes=1)
    }
    cells = tuple(
        c.model_copy(update={"metrics": metrics}) for c in results.cells if c.model == "fused"
    )
    page = Page(render_html(minimal(results, *cells), tmp_path))
    assert "undefined" in page.text
    assert "no ground truth in this split" in page.text


def test_a_metric_that_is_nowhere_defined_has_its_reason_among_what_is_absent_and_no_empty_charts(
    results: Results, tmp_path: Path
) -> None:
    undefined = Metric(value=None, reason="no frame has a map", n_frames=0, n_scenes=0)
    names = ["mIoU", *(name for name in results.cells[0].metrics if name.startswith("IoU/"))]
    cells = tuple(
        c.model_copy(update={"metrics": {**c.metrics, **dict.fromkeys(names, undefined)}})
        for c in results.cells[:30]
    )
    page = render_html(minimal(results, *cells), tmp_path)
    assert page.count("Map segmentation") == 1
    assert "mIoU is undefined: no frame has a map." in markdown_summary(minimal(results, *cells))
    assert "<li>Map segmentation, mIoU: undefined, no frame has a map</li>" in page


def test_gate_section(results: Results, tmp_path: Path) -> None:
    gate = evaluate_rules(
        results, Rules(rules=(Rule(metric="mAP", model="fused", condition="clean", min=0.9),))
    )
    page = Page(render_html(results, tmp_path, gate=gate)).text.replace("\u00a0", " ")
    assert "0 passed, 1 failed, 0 errors (exit code 3)" in page
    assert "41.2 %, at least 90.0 %" in page


def test_two_engines_of_one_model(results: Results, tmp_path: Path) -> None:
    fused = [c for c in results.cells if c.model == "fused"]
    cells = [c for c in fused if c.condition.kind != "attack"]
    cells += [
        c.model_copy(update={"engine": "torch"}) for c in fused if c.condition.kind != "corruption"
    ]
    page = render_html(minimal(results, *cells), tmp_path)
    strip = page.split("</header>")[0]
    assert "fused (onnxruntime) keeps" in strip
    assert "Under attack, at worst: mAP" in strip  # found on the other engine


def test_a_baseline_is_named_by_what_tells_it_from_the_run(
    results: Results, baseline: Results, tmp_path: Path
) -> None:
    def shown(before: Results) -> str:
        meta = render_html(results, tmp_path, before).split('<p class="meta">')[1].split("</p>")[0]
        return meta.partition("baseline: ")[2]

    assert shown(baseline) == "the same weights, the same commit", (
        "the title is on the page already"
    )
    digest, commit = "0123456789abcdef" * 4, "fedcba9876543210"
    models = (baseline.models[0].model_copy(update={"sha256": digest}),)
    origin = baseline.provenance.model_copy(update={"git_commit": commit})
    other = baseline.model_copy(update={"title": "Main", "models": models, "provenance": origin})
    assert shown(other) == "Main, weights 0123456789ab, commit fedcba987654"
    unknown = origin.model_copy(update={"git_commit": None})
    assert shown(other.model_copy(update={"provenance": unknown})).endswith(", unknown code")


def test_a_run_of_attacks_alone_begins_with_what_they_leave(
    results: Results, tmp_path: Path
) -> None:
    cells = tuple(
        c for c in results.cells if c.model == "fused" and c.condition.name in ("clean", "pgd")
    )
    page = render_html(minimal(results, *cells), tmp_path).replace("\u00a0", " ")
    clean, *attacked = (c.metrics for c in cells)
    kept = [
        100 * min(a[name].value or 0 for a in attacked) / (clean[name].value or 1)
        for name in ("mAP", "mIoU")
    ]
    left = f"{kept[0]:.0f} % of its clean mAP and {kept[1]:.0f} % of its clean mIoU"
    assert f'<p class="lead">fused keeps {left} under the worst attack on each.</p>' in page
    strip = page.split("</header>")[0]
    assert "Under attack, at worst: mAP" in strip
    assert "tile warn" not in strip
    assert "Loses most to" not in strip
    assert "Worst corruption" not in page


def test_a_clean_run_alone_needs_no_checks(results: Results, tmp_path: Path) -> None:
    strip = render_html(minimal(results, results.cells[0]), tmp_path).split("</header>")[0]
    assert "fused: only the clean run was measured." in strip
    assert "tile warn" not in strip
    assert "Effect and budget checks" not in strip


def test_unused_sensors_are_named_and_count_for_nothing(results: Results, tmp_path: Path) -> None:
    cells = tuple(c for c in results.cells if c.model == "lidar-only")
    page = render_html(
        results.model_copy(update={"cells": cells, "models": results.models[2:]}), tmp_path
    )
    text = Page(page).text.replace("\u00a0", " ")
    assert (
        "averaged over 5 corruptions at severities 1 to 5." in text
    )  # of 8: not the three of the cameras
    assert (
        "lidar-only does not use the sensors that these change: camera crash, motion blur, low "
        "light." in text
    )
    assert "camera: not used" in text
    blur = next(row for row in Page(page).rows if row and row[0] == "motion blurcamera: not used")
    assert (blur[-1], "%" in "".join(blur)) == ("", False)  # values, but no share that is kept
    only_blur = tuple(c for c in cells if c.condition.name in ("clean", "motion_blur"))
    page = render_html(
        minimal(results, *only_blur).model_copy(update={"models": results.models[2:]}), tmp_path
    )
    assert "lidar-only: no corruption changed a sensor that it uses." in page


def test_a_baseline_without_a_cell_in_common_is_said_to_be_none(
    results: Results, baseline: Results, tmp_path: Path
) -> None:
    other = baseline.model_copy(
        update={"cells": tuple(c.model_copy(update={"engine": "user"}) for c in baseline.cells)}
    )
    page = render_html(results, tmp_path, other)
    assert "no cell in common: " in page
    assert "▼" not in Page(page).text


def test_the_intervals_of_one_scene_are_not_called_wide(results: Results, tmp_path: Path) -> None:
    def cautions(n_scenes: int) -> str:
        origin = results.provenance.model_copy(update={"n_scenes": n_scenes})
        return render_html(results.model_copy(update={"provenance": origin}), tmp_path).split(
            "</header>"
        )[0]

    assert "too narrow, and say nothing about other scenes" in cautions(1)
    assert "the intervals are wide" not in cautions(1)
    assert "the intervals are wide" in cautions(2)
    assert "scenes only" not in cautions(20)


def test_weights_are_named_once(results: Results, tmp_path: Path) -> None:
    digest = results.models[0].sha256
    model = results.models[0].model_copy(
        update={"description": f"onnx: sha256 {digest}", "parameters": None}
    )
    page = render_html(
        minimal(results, results.cells[0]).model_copy(update={"models": (model,)}), tmp_path
    )
    assert page.count(digest) == 1
    assert "Parameters</th>" not in page
    assert render_html(minimal(results, results.cells[0]), tmp_path).count(digest) == 1
