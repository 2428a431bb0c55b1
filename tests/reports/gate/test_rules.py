from pathlib import Path

import pytest

from reports.errors import ReportError
from reports.gate.rules import read_rules


def rules_file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "gate.yaml"
    path.write_text(text)
    return path


def test_reads_the_example_of_the_docstring(tmp_path: Path) -> None:
    text = """
rules:
  - {metric: mAP, condition: fog, severity: 3, min: 0.2}
  - {metric: mAP, condition: clean, max_drop: 0.02}
  - {metric: mIoU, condition: "*", relative_to_clean_min: 0.5}
  - {metric: mAP, condition: pgd, severity: [0, 1], parameters: {eps: 8}, min: 0.1}
"""
    rules = read_rules(rules_file(tmp_path, text)).rules
    assert [rule.condition for rule in rules] == ["fog", "clean", "*", "pgd"]
    assert (rules[0].min, rules[1].max_drop, rules[2].relative_to_clean_min) == (0.2, 0.02, 0.5)
    assert (rules[3].severity, rules[3].parameters) == ((0, 1), {"eps": 8})
    assert rules[0].to_text() == "metric: mAP, condition: fog, severity: 3, min: 0.2"


def test_the_kind_sweep_of_older_rules_is_a_curve(tmp_path: Path) -> None:
    (rule,) = read_rules(
        rules_file(tmp_path, "rules: [{metric: mAP, kind: sweep, min: 0.2}]")
    ).rules
    assert rule.kind == "curve"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "rules: [{metric: mAP, min: 0.2, sevrity: 3}]",
            "rules.0.sevrity: unknown key; did you mean 'severity'",
        ),
        ("rule: []", "did you mean 'rules'"),
        (
            "rules: [{metric: mAP}]",
            "a rule needs a bound: min, max, max_drop or relative_to_clean_min",
        ),
        ("rules: [{min: 0.2}]", "rules.0: .*a rule needs either metric, of cells, or aggregate"),
        ("rules: [{metric: mAP, min: .nan}]", "finite number"),
        ("rules: [{metric: mAP, max_drop: -0.1}]", "greater than or equal to 0"),
        (
            "rules: [{metric: mAP, min: much}]",
            "rules.0.min: Input should be a valid number.*'much'",
        ),
        ("rules: []", "rules: is empty, expected at least 1"),
        ("rules: [", "no valid YAML"),
        ("- a", "expected a mapping with the key 'rules', got list"),
        ("", "expected a mapping with the key 'rules', got NoneType"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ReportError, match=message):
        read_rules(rules_file(tmp_path, text))


def test_a_fault_in_a_rule_is_one_fault_and_not_an_empty_list_too(tmp_path: Path) -> None:
    with pytest.raises(ReportError) as caught:
        read_rules(rules_file(tmp_path, "rules: [{metric: mAP, condtion: fog, min: abc}]"))
    text = str(caught.value)
    assert "2 faults" in text
    assert "did you mean 'condition'" in text
    assert "rules.0.min" in text
    assert "rules: " not in text


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match=r"gate\.yaml: no such file"):
        read_rules(tmp_path / "gate.yaml")
    with pytest.raises(ReportError, match="is a folder, expected a file"):
        read_rules(tmp_path)


def test_the_example_of_the_documentation_is_valid(tmp_path: Path) -> None:
    page = Path(__file__).parents[3] / "docs" / "guides" / "gate.md"
    text = page.read_text(encoding="utf-8").split("```yaml\n")[1].split("```")[0]
    assert len(read_rules(rules_file(tmp_path, text)).rules) == 6
