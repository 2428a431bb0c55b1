"""The work of reading, gating and reporting grows with the number of cells and no faster; counted
in lines, not in seconds.
"""

from __future__ import annotations

import functools
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

import pytest

from reports.gate.evaluate import evaluate_rules
from reports.plausibility import check_meaning
from reports.schema import Results
from reports.writers.run_folder import write_report

ROOT = Path(__file__).parents[2]


def load_shapes() -> ModuleType:
    """benchmarks/gate_scaling.py, which makes the files."""
    spec = importlib.util.spec_from_file_location(
        "gate_scaling", ROOT / "benchmarks" / "gate_scaling.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


SCALING = load_shapes()


def count_lines(function: Callable[[], object]) -> int:
    """How many lines of this package the call runs, loops counted as often as they turn."""
    count = 0

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal count
        if str(ROOT / "reports") not in frame.f_code.co_filename:
            return None
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        function()
    finally:
        sys.settrace(before)
    return count


def all_work(results: Results, folder: Path) -> None:
    check_meaning(results, "results.json")
    write_report(folder, results, results, evaluate_rules(results, SCALING.RULES, results))


@pytest.mark.parametrize("shape", SCALING.SHAPES)
def test_twice_the_cells_are_twice_the_work(
    tmp_path: Path, shape: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SCALING, "CLASSES", 1)
    counts = {}
    for cells in (11, 21, 41):
        results = SCALING.make_results(SCALING.make_cells(shape, cells))
        counts[cells] = count_lines(functools.partial(all_work, results, tmp_path))
    first, second = counts[21] - counts[11], counts[41] - counts[21]
    assert second < 2.4 * first, counts  # 2 where the work is linear, 4 where it is quadratic


def test_the_count_sees_quadratic_work() -> None:
    from reports import comparison  # any module of the package

    source = "def pairs(items):\n    for a in items:\n        for b in items:\n            pass\n"
    space: dict[str, Any] = {}
    exec(compile(source, str(Path(comparison.__file__)), "exec"), space)
    counts = [count_lines(functools.partial(space["pairs"], range(n))) for n in (10, 20, 40)]
    assert (counts[2] - counts[1]) > 3 * (counts[1] - counts[0])


def test_a_rule_for_each_condition_looks_at_its_own_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many rules as conditions: each cell is matched with the rules about its condition, not
    with all of them.
    """
    from reports.gate import evaluate as gate
    from reports.gate.rules import Rule, Rules

    results = SCALING.make_results(SCALING.make_cells("corruptions", 101))
    names = sorted({cell.condition.name for cell in results.cells})
    rules = Rules(rules=tuple(Rule(metric="mAP", condition=name, min=0.01) for name in names))
    asked = 0
    original = gate.matches_cell

    def matches(*arguments: Any) -> bool:
        nonlocal asked
        asked += 1
        return original(*arguments)

    monkeypatch.setattr(gate, "matches_cell", matches)
    assert len(evaluate_rules(results, rules).checks) == len(results.cells) == asked
