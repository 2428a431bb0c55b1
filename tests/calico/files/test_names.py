from __future__ import annotations

from pathlib import Path

import pytest

from calico.files import file_name


@pytest.mark.parametrize("text", ["tiny", "small_2.5", "fog+rain-3", "modèle", "a" * 80])
def test_a_plain_name_stays(text: str) -> None:
    assert file_name(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "../../../x",
        "/etc/passwd",
        "..",
        ".",
        "",
        ".hidden",
        "-rf",
        "a/b",
        "a\\b",
        "a\nb",
        "a\x00b",
        "C:x",
        "x" * 5000,
        "a b",
    ],
)
def test_no_text_leads_out_of_a_folder(text: str, tmp_path: Path) -> None:
    name = file_name(text)
    (tmp_path / name).write_text("x")
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert not name.startswith((".", "-"))


def test_texts_that_look_alike_get_different_names() -> None:
    texts = ["a/b", "a_b", "a b", "a\\b", "", ".", "..", "x" * 81, "x" * 82, "\ud800"]
    assert len({file_name(text) for text in texts}) == len(texts)
