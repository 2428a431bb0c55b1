import json
import sys
from pathlib import Path

import pytest

from calico.files import FileError, parse_json, read_json, read_sealed_json, to_sealed_json


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": 1,\n "b": {"c": 1,\n "c": 2}}', r'key "c" appears twice in one object, line 3'),
        ('{"ключ": 1, "ключ": 2}', "appears twice"),
        ("[NaN]", "holds NaN"),
        ('{"x": -Infinity}', "holds -Infinity"),
        ('{"x":\n 1e400}', r"number 1e400 is larger than any float64, line 2"),
        ("-1e999", "larger than any"),
        ("1" * 5000, r"integer 111111111111\.\.\. of 5000 digits"),
        ("1" * 401, "of 401 digits"),
        ("0." + "1" * 500, "larger than any"),
        ("[" * 200 + "]" * 200, "nested deeper than 100 levels"),
        ('{"a":' * 5000 + "1" + "}" * 5000, "nested deeper than 100 levels"),
        ("[" * 10_000_000, "nested deeper than 100 levels"),
        ('{"name": "\\ud800"}', "half of a surrogate pair"),
        ('{"\\udfff": 1}', "half of a surrogate pair"),
        ('["a", ["b\\u0000"]]', "NUL character"),
        ('["a",\n]', "no valid JSON, line 2 column 1"),
        ('{"a": 1} {}', "Extra data"),
        ("", "no valid JSON, line 1"),
        ("{'a': 1}", "no valid JSON"),
    ],
)
def test_what_a_lenient_parser_guesses_is_an_error(text: str, message: str) -> None:
    with pytest.raises(FileError, match=message) as caught:
        parse_json(text, "rules a.json")
    assert str(caught.value).startswith("rules a.json: ")
    assert len(str(caught.value)) < 300


def test_strict_json_is_read_as_the_standard_library_reads_it() -> None:
    text = r'{"a": [1, -2.5e3, "é \ud83d\ude00", true, null, {}], "b": {"c": 10000000000000000}}'
    assert parse_json(text, "x") == json.loads(text)
    assert parse_json(text.encode(), "x") == json.loads(text)
    assert parse_json("[" * 100 + "]" * 100, "x") == json.loads("[" * 100 + "]" * 100)


def test_bytes_that_are_no_text_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b'{"a":\n "\xff"}')
    with pytest.raises(FileError, match=r"byte 8 \(line 2\) is 0xff"):
        read_json(tmp_path / "a.json")


def test_a_sealed_object_comes_back_and_every_flipped_bit_is_noticed(tmp_path: Path) -> None:
    file = tmp_path / "cell.json"
    content = to_sealed_json({"id": "ab", "value": 0.25})
    file.write_bytes(content)
    assert read_sealed_json(file) == {"id": "ab", "value": 0.25}
    for bit in range(8 * len(content)):
        damaged = bytearray(content)
        damaged[bit // 8] ^= 1 << bit % 8
        file.write_bytes(bytes(damaged))
        with pytest.raises(FileError, match="checksum"):
            read_sealed_json(file)


def test_random_text_gives_a_value_or_a_message() -> None:
    import random

    rng = random.Random(0)
    alphabet = [
        '"',
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "1",
        "e",
        "-",
        ".",
        "a",
        "\\u",
        "d800",
        " ",
        "\n",
        "null",
        "NaN",
    ]
    accepted = 0
    for _ in range(1000):
        text = "".join(rng.choices(alphabet, k=rng.randrange(12)))
        try:
            parse_json(text, "x")
            accepted += 1
        except FileError:
            continue
    assert 0 < accepted < 1000


def test_the_recursion_limit_is_left_alone() -> None:
    before = sys.getrecursionlimit()
    with pytest.raises(FileError):
        parse_json("[" * 100_000, "x")
    assert sys.getrecursionlimit() == before
