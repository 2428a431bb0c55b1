from dataclasses import dataclass

import numpy as np

from calico.frame import Frame
from corruptions.frame_like import copy_arrays, load_previous, select_points


@dataclass(frozen=True)
class Inner:
    numbers: np.ndarray
    name: str


@dataclass(frozen=True)
class Outer:
    images: tuple[np.ndarray, ...]
    inner: Inner
    count: int


def test_a_copy_shares_no_array_at_any_depth() -> None:
    value = Outer((np.arange(3), np.ones(2)), Inner(np.zeros(4), "a"), 7)
    copy = copy_arrays(value)
    assert (copy.inner.name, copy.count) == ("a", 7)
    for old, new in zip(
        (*value.images, value.inner.numbers), (*copy.images, copy.inner.numbers), strict=True
    ):
        assert np.array_equal(old, new)
        assert not np.may_share_memory(old, new)


def test_a_mask_and_indices_select_the_same_points_in_every_field(street: Frame) -> None:
    mask = np.arange(len(street.points)) % 3 == 0
    by_mask, by_index = (select_points(street, keep) for keep in (mask, np.flatnonzero(mask)))
    for field in ("points", "ring", "sweep_index", "elongation"):
        expected = getattr(street, field)[::3]
        assert np.array_equal(getattr(by_mask, field), expected)
        assert np.array_equal(getattr(by_index, field), expected)
    assert np.array_equal(by_mask.sweep_T, street.sweep_T)


def test_the_frame_before_ends_with_the_scene(street: Frame) -> None:
    frame, tokens = street, [street.token]
    while (older := load_previous(frame)) is not None:
        frame = older
        tokens.append(frame.token)
    assert tokens == [f"street-{step}" for step in (5, 4, 3, 2, 1, 0)]
