import pytest

from calico.frame import Frame
from corruptions import (
    SPECS,
    CorruptionError,
    corrupt,
    find_corruptions,
    list_corruptions,
)


def test_unknown_name_gives_the_nearest(street: Frame) -> None:
    with pytest.raises(
        CorruptionError, match=r"unknown corruption 'motion_blurr': did you mean 'motion_blur'\?"
    ):
        corrupt(street, "motion_blurr", 1, seed=0)
    with pytest.raises(
        CorruptionError,
        match=r"unknown corruption 'fogg' in 'fogg\+extrinsic': did you mean 'fog'\?",
    ):
        find_corruptions("fogg+extrinsic")


@pytest.mark.parametrize(("name", "part"), [("fog+", "''"), ("hail", "'hail'")])
def test_no_guess_where_no_name_is_near(name: str, part: str) -> None:
    with pytest.raises(
        CorruptionError, match=rf"unknown corruption {part}.*\. Known: fog, "
    ) as caught:
        find_corruptions(name)
    assert "did you mean" not in str(caught.value)


def test_a_part_twice_is_an_error() -> None:
    with pytest.raises(CorruptionError, match="names 'fog' twice"):
        find_corruptions("fog+extrinsic+fog")


def test_the_catalogue_has_every_group_and_names_find_their_own() -> None:
    assert len(list_corruptions()) == len(set(list_corruptions())) == 68
    assert {spec.group for spec in SPECS.values()} == {
        "weather",
        "camera",
        "lidar",
        "timing",
        "alignment",
        "objects",
    }
    assert all(find_corruptions(name) == (SPECS[name],) for name in list_corruptions())
