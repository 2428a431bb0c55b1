import os
import random
from pathlib import Path

import pytest
import yaml

from calico.files import FileError, parse_yaml, read_yaml

BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + k)}: &{chr(98 + k)} [{', '.join([f'*{chr(97 + k)}'] * 9)}]\n" for k in range(9)
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rules: 1\nother: 2\nrules: 3\n", r"line 3 column 1: key 'rules' appears twice"),
        ("- {min: 0.1, max: 1, min: 0.2}", "key 'min' appears twice"),
        ("a: {b: 1,\n b: 2}", "line 2 column 2: key 'b' appears twice"),
        ("<<: {a: 1}\nb: 1\nb: 2\n", "key 'b' appears twice"),
        ("1: a\n0x1: b\n", "key 1 is no text"),
        ("? [a]\n: 1\n", "a key is a list or a mapping|unhashable"),
        (BOMB, "more than 100000 values when aliases are written out"),
        ("a: &a [*a]", "an alias refers to the value that it is part of"),
        ("&a {b: *a}", "an alias refers to the value that it is part of"),
        ("[" * 100 + "]" * 100, "nested deeper than 40 levels"),
        ("[" * 100_000, "nested deeper than 40 levels"),
        ("- " * 5000, "nested deeper than 40 levels"),
        ("a: " + "9" * 5000, "number of 5000 digits"),
        ("a: 1.0e+400", "larger than any float64"),
        ("a: 2020-13-45", "a value cannot be read"),
        ("a: !!python/object/apply:os.system [ls]", "could not determine a constructor"),
        ("a: !!int [1]", "no valid YAML"),
        ("!!set [a]", "no valid YAML"),
        ("a: 1\n--- \nb: 1", "line 2 column 1: but found another document"),
        ("a: [", "line 1"),
        ("a: \x00", "no valid YAML"),
        ("a: *nobody", "undefined alias"),
    ],
)
def test_what_a_lenient_parser_guesses_is_an_error(text: str, message: str) -> None:
    with pytest.raises(FileError, match=message) as caught:
        parse_yaml(text, "rules gate.yaml")
    assert str(caught.value).startswith("rules gate.yaml: ")
    assert "\n" not in str(caught.value)


def test_strict_yaml_is_read_as_the_library_reads_it() -> None:
    text = (
        "base: &base {a: 1, b: [x, 2.5, .inf, null, true, 2020-01-02]}\n"
        "one: {<<: *base, a: 2}\ntwo:\n  <<: [*base, {c: 3}]\n  d: 1\nlist: [*base, *base]\n"
    )
    assert parse_yaml(text, "x") == yaml.safe_load(text)
    assert parse_yaml("", "x") is None


def test_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("train: 1\ntrain: 2\n")
    with pytest.raises(FileError, match=r"configuration .*a\.yaml: .* line 2"):
        read_yaml(tmp_path / "a.yaml", what="configuration")


def test_random_text_gives_a_value_or_a_message() -> None:
    rng = random.Random(0)
    alphabet = [
        *list("ab:-[]{}&*!?|>#%@`\"',\n 01."),
        "<<",
        "!!int ",
        ": ",
        "\n  ",
        "&a ",
        "*a ",
        "---\n",
    ]
    accepted = 0
    for _ in range(1000):
        text = "".join(rng.choices(alphabet, k=rng.randrange(15)))
        try:
            parse_yaml(text, "x")
            accepted += 1
        except FileError:
            continue
    assert 0 < accepted < 1000


@pytest.mark.parametrize(
    "text", [r'a: "\ud800"', r'a: "\0"', r'"\uDFFFb": 1', r'[1, "\uD83D\uDE00"]']
)
def test_text_that_no_file_or_path_can_hold_is_refused(text: str) -> None:
    with pytest.raises(
        FileError, match=r"line 1 column \d+: text with a NUL character or half of a surrogate"
    ):
        parse_yaml(text, "x")
    assert parse_yaml(r'a: "\U0001F600"', "x") == {"a": "\U0001f600"}
    assert parse_yaml(r'a: "/data/\uDCFF"', "x") == {
        "a": os.fsdecode(b"/data/\xff")
    }  # a path that is no UTF-8


@pytest.mark.parametrize("text", ["010", "1:30", "-1:30:00", "1:30.5", "+07", "0_7", "[00]"])
def test_numbers_that_people_read_otherwise_are_refused(text: str) -> None:
    with pytest.raises(FileError, match=r"line 1 column \d+: .* is a number of base 8 or 60"):
        parse_yaml(f"a: {text}", "x")
    assert parse_yaml("[0, -0, 10, 0.5, 0x1f, 08, '010', '1:30', 1_000]", "x") == [
        0,
        0,
        10,
        0.5,
        31,
        "08",
        "010",
        "1:30",
        1000,
    ]


@pytest.mark.parametrize(
    "text", ["{1: 4, '1': 5}", "on: 1", "~: 1", "2020-01-01: 1", "a: {0.5: 1}"]
)
def test_keys_are_texts(text: str) -> None:
    with pytest.raises(FileError, match=r"line 1 column \d+: key \S+ is no text; put it in quotes"):
        parse_yaml(text, "x")
