from reports.gate.evaluate import evaluate_rules
from reports.gate.rules import Rule, Rules
from reports.schema import Results
from reports.writers.console import gate_lines, headline_lines


def test_the_headline_has_a_line_for_each_tile(whole: Results) -> None:
    lines = list(headline_lines(whole))
    assert "keeps 50 % of its clean mAP" in lines[0]
    assert any(line.startswith("  Clean mAP") and "60.0 %" in line for line in lines)
    assert not any("\u00a0" in line for line in lines)


def test_failures_come_first_and_the_counts_last(whole: Results) -> None:
    rules = Rules(
        rules=(
            Rule(metric="mAP", condition="clean", min=0.5),
            Rule(metric="mAP", condition="clean", min=0.7),
        )
    )
    lines = list(gate_lines(evaluate_rules(whole, rules)))
    states = [line.split()[0] for line in lines[:-1]]
    assert states == sorted(states, key=lambda state: state == "passed")
    assert states.count("failed") == 2  # one for each engine
    assert lines[-1].startswith("gate: not passed (")
    assert lines[-1].endswith("exit code 3")
