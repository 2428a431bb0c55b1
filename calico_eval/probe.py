"""Linear probe: what one linear layer can read off frozen BEV features.

Source: Alain and Bengio 2016, arXiv 1610.01644.

Two questions to every cell of the grid: is there an object, and of which class is it. A cell
    belongs to the object whose footprint covers its centre or whose own centre lies in it; objects
    without LiDAR points are left out, as they are in training. The classifiers are logistic
    regressions on standardised features, with class-balanced weights, fitted on some scenes and
    scored on others.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from calico.data.source import FrameSource
from calico.errors import CalicoError
from calico.frame import Boxes, Float64, Int64
from calico.geometry.boxes import points_in_boxes
from calico.geometry.grid import Grid
from calico.models.calico import CalicoModel
from calico.seeds import make_generator
from calico_eval.features import Branch, feature_grid, feature_maps, left_alone

BACKGROUND = -1
FIT_BACKGROUND = 400
"""Most background cells of a frame that the classifiers are fitted on. They are scored on all."""


def probe_split(source: FrameSource, frames: int, seed: int) -> tuple[list[int], list[int]]:
    """Choose indices to fit on and to score on.

    Each part has half of the scenes, and up to `frames` frames spread evenly over them.

    Raises:
        CalicoError: only one scene.
    """
    scenes: dict[str, list[int]] = {}
    for index in range(len(source)):
        scenes.setdefault(source.info(index).scene, []).append(index)
    if len(scenes) < 2:
        raise CalicoError(
            f"linear probe on {source.name}: {len(scenes)} scene, expected at least two (one to "
            "fit on, another to score "
            "on; frames of one scene are nearly the same). Use a split with more scenes"
        )
    names = list(scenes)
    order = [names[i] for i in make_generator(seed, "probe scenes").permutation(len(names))]
    fit, test = (
        sorted(index for scene in half for index in scenes[scene])
        for half in (order[::2], order[1::2])
    )
    return _spread(fit, frames), _spread(test, frames)


def probe_metrics(
    model: CalicoModel,
    source: FrameSource,
    fit: Sequence[int],
    test: Sequence[int],
    *,
    branch: Branch,
    seed: int,
) -> dict[str, float]:
    """Fit the probe and score it. The model is left as it is.

    Args:
        model: The model.
        source: The frames.
        fit: Indices of frames to fit on, of other scenes than `test` (`probe_split`).
        test: Indices of frames to score on.
        branch: The branch whose features are probed.
        seed: Seed of the choice of background cells.

    Returns:
        probe_ap: Average precision of "an object is here" over all cells of the test frames.
            probe_ap_chance: That of scores without knowledge, the share of such cells. probe_class:
            Share of a class's cells that are named right, averaged over the classes of the test
            cells (balanced accuracy). probe_class_chance: What naming always one class gives.

    Raises:
        CalicoError: A scene is on both sides, there are too few objects, or features are NaN or
            infinite.
    """
    shared = {source.info(i).scene for i in fit} & {source.info(i).scene for i in test}
    if shared:
        raise CalicoError(
            f"linear probe: scene {min(shared)} is on both sides; expected fit and test of "
            "different scenes"
        )
    with left_alone(model):
        features, labels = _fit_cells(model, source, fit, branch, seed)
        there = _classifier().fit(features, labels != BACKGROUND)
        which = _classifier().fit(features[labels != BACKGROUND], labels[labels != BACKGROUND])
        scores, named, truths = [], [], []
        for _, cells, truth in _cells(model, source, test, branch):
            scores.append(there.decision_function(cells))
            if (truth != BACKGROUND).any():
                named.append(which.predict(cells[truth != BACKGROUND]))
            truths.append(truth)
    truth = np.concatenate(truths)
    if not named:
        raise CalicoError(
            f"linear probe on {source.name}: no cell of the {len(test)} test frames holds an object"
        )
    return _scores(np.concatenate(scores), np.concatenate(named), truth)


def cell_labels(boxes: Boxes, grid: Grid) -> Int64:
    """Label each cell (Y, X) with the class of its object, and BACKGROUND elsewhere.

    If a cell has two objects, the smaller one counts.

    An object has the cells whose centres its footprint covers, and the one that its centre lies in:
    on cells of 1 m half of the pedestrians and nearly all cones cover no centre. Objects without
    LiDAR points are left out.
    """
    seen = boxes.select(boxes.num_points > 0)
    flat = seen.boxes.astype(np.float64)
    flat[:, 2] = 0.0
    centers = grid.cell_centers().reshape(-1, 2)
    covered = points_in_boxes(np.column_stack([centers, np.zeros(len(centers))]), flat)
    rows, columns, on_grid = grid.locate_cells(flat[:, :2])
    covered[on_grid, rows[on_grid] * grid.shape[1] + columns[on_grid]] = True
    labels = np.full(len(centers), BACKGROUND, np.int64)
    for index in np.argsort(-flat[:, 3] * flat[:, 4], kind="stable"):
        labels[covered[index]] = seen.labels[index]
    return labels.reshape(grid.shape)


def _spread(indices: list[int], count: int) -> list[int]:
    """At most `count` of the indices, evenly spaced."""
    n = min(count, len(indices))
    return [indices[i * len(indices) // n] for i in range(n)]


def _cells(
    model: CalicoModel, source: FrameSource, indices: Sequence[int], branch: Branch
) -> Iterator[tuple[str, npt.NDArray[np.float32], Int64]]:
    """Token, features (Y * X, C) and labels (Y * X,) of each frame."""
    grid = feature_grid(model, branch)
    for frame, features in feature_maps(model, source, indices, branch):
        cells = features.float().flatten(1).T.cpu().numpy()
        if not np.isfinite(cells).all():
            raise CalicoError(
                f"linear probe: the {branch} features of frame {frame.token} are NaN or infinite"
            )
        yield frame.token, cells, cell_labels(frame.boxes, grid).ravel()


def _fit_cells(
    model: CalicoModel, source: FrameSource, indices: Sequence[int], branch: Branch, seed: int
) -> tuple[Float64, Int64]:
    """Features and labels of all cells with objects and of some without."""
    features, labels = [], []
    for token, cells, truth in _cells(model, source, indices, branch):
        empty = np.flatnonzero(truth == BACKGROUND)
        some = make_generator(seed, "probe", token).choice(
            empty, min(FIT_BACKGROUND, len(empty)), replace=False
        )
        chosen = np.concatenate([np.flatnonzero(truth != BACKGROUND), some])
        features.append(cells[chosen].astype(np.float64))
        labels.append(truth[chosen])
    all_labels = np.concatenate(labels)
    classes = len(np.unique(all_labels[all_labels != BACKGROUND]))
    if classes < 2 or BACKGROUND not in all_labels:
        raise CalicoError(
            f"linear probe on {source.name}: the cells of the {len(indices)} frames to fit on show "
            f"{classes} classes; "
            "expected at least two, and some background. Use more frames"
        )
    return np.concatenate(features), all_labels


def _classifier() -> Pipeline:
    return make_pipeline(
        StandardScaler(), LogisticRegression(class_weight="balanced", max_iter=1000)
    )


def _scores(scores: Float64, named: Int64, truth: Int64) -> dict[str, float]:
    occupied = truth != BACKGROUND
    true_classes = truth[occupied]
    classes = np.unique(true_classes)
    return {
        "probe_ap": float(average_precision_score(occupied, scores)),
        "probe_ap_chance": float(occupied.mean()),
        "probe_class": float(
            np.mean([(named[true_classes == label] == label).mean() for label in classes])
        ),
        "probe_class_chance": 1.0 / len(classes),
    }
