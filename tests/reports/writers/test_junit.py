import xml.etree.ElementTree as ElementTree

from reports.gate.evaluate import evaluate_rules
from reports.gate.rules import Rule, Rules
from reports.schema import Check, Results
from reports.writers.junit import junit_xml

HOSTILE = '<script>|`**[x](y)\x00\x1b\n"\\'


def mixed_rules() -> Rules:
    return Rules(
        rules=(
            Rule(metric="mAP", model="fused", condition="clean", min=0.1),
            Rule(metric="mAP", model="fused", condition="fog", min=0.3),
            Rule(metric="mAP", condition="hail", min=0.1),
        )
    )


def renamed(results: Results, name: str) -> Results:
    cells = tuple(
        c.model_copy(update={"model": name, "id": name + c.id}) for c in results.cells[:5]
    )
    return results.model_copy(update={"title": name, "cells": cells, "models": (), "summary": {}})


def test_junit_of_a_gate_counts_what_it_holds(results: Results) -> None:
    gate = evaluate_rules(results, mixed_rules())
    suite = ElementTree.fromstring(junit_xml(results, gate)).find("testsuite")
    assert suite is not None
    cases = suite.findall("testcase")
    assert len(cases) == len(gate.checks) == int(suite.attrib["tests"]) == 7
    assert (
        len(suite.findall("testcase/failure"))
        == int(suite.attrib["failures"])
        == gate.count("failed")
        == 3
    )
    assert (
        len(suite.findall("testcase/error"))
        == int(suite.attrib["errors"])
        == gate.count("error")
        == 1
    )
    failure = suite.find("testcase/failure")
    assert failure is not None
    assert "at least 30.0\u00a0%" in (failure.text or "")
    assert "rule: metric: mAP, model: fused, condition: fog, min: 0.3" in (failure.text or "")


def test_junit_case_names_are_unique(results: Results) -> None:
    for text in (
        junit_xml(results),
        junit_xml(results, evaluate_rules(results, Rules(rules=(Rule(metric="*", min=0.01),)))),
    ):
        names = [
            (case.get("classname"), case.get("name"))
            for case in ElementTree.fromstring(text).iter("testcase")
        ]
        assert len(names) == len(set(names))


def test_junit_without_a_gate_has_a_case_per_cell_and_fails_failed_checks(results: Results) -> None:
    broken = results.cells[1].model_copy(
        update={
            "effect": Check(passed=False, measured={"points_changed": 0.0}, message="no change")
        }
    )
    root = ElementTree.fromstring(
        junit_xml(results.model_copy(update={"cells": (results.cells[0], broken)}))
    )
    assert [len(case.findall("failure")) for case in root.iter("testcase")] == [0, 1]
    assert root.attrib["tests"] == "2"
    assert next(root.iter("failure")).text == "effect check: no change (points changed\u00a00)"


def test_junit_not_comparable_is_an_error(results: Results) -> None:
    other = results.model_copy(
        update={"provenance": results.provenance.model_copy(update={"suite_version": "2"})}
    )
    gate = evaluate_rules(results, mixed_rules(), other)
    root = ElementTree.fromstring(junit_xml(results, gate))
    assert [e.text for e in root.iter("error")][
        -1
    ] == "suite version: '1' here, '2' in the baseline"


def test_junit_with_hostile_names_parses(results: Results) -> None:
    root = ElementTree.fromstring(junit_xml(renamed(results, HOSTILE)))
    assert "<script>|`" in (root.find("testsuite") or root)[0].attrib["classname"]
