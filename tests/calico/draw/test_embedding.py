"""Pictures of embeddings: the projection against hand-made data, the dots and the legend read back
from the pixels."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.decomposition import PCA

from calico.draw.embedding import BACKGROUND_COLOR, draw_embedding, project_pca, project_tsne
from calico.draw.style import CLASS_COLORS
from calico.errors import CalicoError
from calico.taxonomy import NUSCENES


def groups(per_group: int = 20, dimensions: int = 8) -> tuple[np.ndarray, np.ndarray]:
    """Four tight groups far apart: background and classes 0, 5 and 9."""
    rng = np.random.default_rng(0)
    middles = 10.0 * np.eye(dimensions)[:4]
    vectors = (middles[:, None] + rng.normal(0, 0.1, (4, per_group, dimensions))).reshape(
        -1, dimensions
    )
    return vectors.astype(np.float32), np.repeat([-1, 0, 5, 9], per_group)


def count(picture: np.ndarray, color: tuple[int, int, int]) -> int:
    return int((picture == color).all(axis=2).sum())


@pytest.mark.parametrize("method", ["pca", "tsne"])
def test_the_picture_shows_the_classes_that_occur_and_is_deterministic(method: str) -> None:
    vectors, labels = groups()
    picture = draw_embedding(vectors, labels, NUSCENES.names, method=method, seed=3, size_px=320)
    assert picture.dtype == np.uint8
    assert picture.shape[1:] == (320, 3)
    shown = [k for k, color in enumerate(CLASS_COLORS) if count(picture[:320], color) > 0]
    assert shown == [0, 5, 9]
    assert count(picture[:320], BACKGROUND_COLOR) > 0
    in_legend = [k for k, color in enumerate(CLASS_COLORS) if count(picture[320:], color) > 0]
    assert in_legend == [0, 5, 9]
    again = draw_embedding(
        vectors.copy(), labels.copy(), NUSCENES.names, method=method, seed=3, size_px=320
    )
    np.testing.assert_array_equal(picture, again)


def test_every_vector_is_one_dot_at_its_place() -> None:
    """Nine points of a 3 x 3 lattice, wider than high: nine dots, the first direction across, the
    second up."""
    x, y = np.meshgrid([-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0])
    lattice = np.stack([x.ravel(), y.ravel()], axis=1)
    labels = np.arange(9)
    picture = draw_embedding(lattice, labels, NUSCENES.names, size_px=400)[:400]
    for label, (across, up) in zip(labels, lattice, strict=True):
        rows, columns = np.argwhere((picture == CLASS_COLORS[label]).all(axis=2)).mean(axis=0)
        assert (columns, rows) == pytest.approx((199.5 + across * 90, 199.5 - up * 90), abs=1.0)


def test_pca_agrees_with_scikit_learn() -> None:
    rng = np.random.default_rng(1)
    vectors = rng.normal(size=(50, 6)) @ rng.normal(size=(6, 6)) + 3.0
    reference = PCA(n_components=2).fit(vectors)
    expected = reference.transform(vectors)
    xy, caption = project_pca(vectors)
    np.testing.assert_allclose(abs(xy), abs(expected), atol=1e-9)
    share = reference.explained_variance_ratio_
    assert caption == f"PCA: {share[0]:.0%} of the variance across, {share[1]:.0%} up"


def test_the_sign_of_a_direction_is_fixed() -> None:
    rng = np.random.default_rng(2)
    vectors = rng.normal(size=(30, 5)) * [5, 3, 1, 1, 1]
    order = rng.permutation(30)
    np.testing.assert_allclose(
        project_pca(vectors)[0][order], project_pca(vectors[order])[0], atol=1e-9
    )


def test_tsne_keeps_groups_together() -> None:
    vectors, labels = groups()
    xy, _ = project_tsne(vectors, seed=0)
    distances = np.linalg.norm(xy[:, None] - xy[None], axis=2)
    np.fill_diagonal(distances, np.inf)
    assert (labels[distances.argmin(axis=1)] == labels).all()


@pytest.mark.parametrize("method", ["pca", "tsne"])
def test_a_collapse_is_drawn_as_one_dot(method: str) -> None:
    vectors, labels = np.full((10, 4), 0.5, np.float32), np.zeros(10, np.int64)
    picture = draw_embedding(vectors, labels, NUSCENES.names, method=method, size_px=200)
    rows, columns = np.argwhere((picture[:200] == CLASS_COLORS[0]).all(axis=2)).T
    assert np.ptp(rows) < 8
    assert np.ptp(columns) < 8
    project = project_pca(vectors)[1] if method == "pca" else project_tsne(vectors, 0)[1]
    assert project.endswith("all vectors are equal")


def test_the_legend_wraps_in_a_narrow_picture() -> None:
    vectors = np.random.default_rng(0).normal(size=(11, 4))
    labels = np.arange(-1, 10)
    narrow = draw_embedding(vectors, labels, NUSCENES.names, size_px=200)
    wide = draw_embedding(vectors, labels, NUSCENES.names, size_px=1200)
    assert narrow.shape[0] - 200 > 5 * 15
    for picture in (narrow[200:], wide[1200:]):
        assert all(count(picture, color) for color in (*CLASS_COLORS, BACKGROUND_COLOR))


@pytest.mark.parametrize(
    ("vectors", "labels", "message"),
    [
        (np.zeros((2, 4)), np.zeros(2, np.int64), r"expected \(n >= 3, D >= 2\)"),
        (np.zeros((5, 1)), np.zeros(5, np.int64), r"expected \(n >= 3, D >= 2\)"),
        (np.zeros((5, 4)), np.zeros(4, np.int64), r"expected \(5,\)"),
        (np.zeros((5, 4)), np.full(5, 10), "expected -1 to 9"),
        (np.full((5, 4), np.nan), np.zeros(5, np.int64), "NaN or infinite"),
    ],
)
def test_what_cannot_be_drawn_is_refused(
    vectors: np.ndarray, labels: np.ndarray, message: str
) -> None:
    with pytest.raises(CalicoError, match=message):
        draw_embedding(vectors, labels, NUSCENES.names)
