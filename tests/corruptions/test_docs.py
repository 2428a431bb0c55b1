"""docs/reference/corruptions.md is what the code says."""

from pathlib import Path

import pytest

from corruptions import SPECS
from corruptions.docs import GROUPS, PAGE, PARTS, PICTURES, render_page
from corruptions.presets import PRESETS

ROOT = Path(__file__).parents[2]
FIX = "run `python -m corruptions.docs` and commit docs/reference/corruptions.md"


@pytest.fixture(scope="module")
def page() -> str:
    return render_page((ROOT / PARTS).read_text(encoding="utf-8"))


def test_the_committed_page_is_the_generated_one(page: str) -> None:
    assert (ROOT / PAGE).read_text(encoding="utf-8") == page, FIX


def test_it_has_every_corruption_with_its_values_and_every_preset(page: str) -> None:
    assert "<!--" not in page
    for spec in SPECS.values():
        assert f"\n### {spec.name}\n" in page
        row = next(line for line in page.splitlines() if line.startswith(f"| [`{spec.name}`]"))
        assert f"`{spec.parameter}`" in row
        assert row.count(" | ") == 4
    for name, preset in PRESETS.items():
        assert f"\n### {name}\n" in page
        assert f"{len(preset.levels)} conditions" in " ".join(page.split())


def test_every_group_has_its_picture_and_they_are_small() -> None:
    assert set(GROUPS) == {spec.group for spec in SPECS.values()}
    for group in GROUPS:
        assert 10_000 < (ROOT / "docs" / PICTURES / f"{group}.jpg").stat().st_size < 300_000


def test_it_says_what_a_parameter_means_and_where_we_deviate(page: str) -> None:
    text = " ".join(page.split())
    assert "`mean_hold_frames` takes 1 to 1e+06. Mean number of keyframes L for which" in text
    assert "draws beams with replacement and so loses fewer than it says" in text  # of beam_missing
    for name in SPECS:
        entry = " ".join(page.split(f"\n### {name}\n")[1].split("\n### ")[0].split())
        assert "Severities: " in entry or name == "lidar_missing", name
        assert "Source: " in entry
        assert "Args:" not in entry
