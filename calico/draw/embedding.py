"""High-dimensional vectors as dots in a plane."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from calico.draw.style import CLASS_COLORS, INK, PAPER, Color, load_font
from calico.errors import CalicoError
from calico.extras import require_extra
from calico.frame import Float64, Int64, UInt8
from calico.seeds import derive_seed

Method = Literal["pca", "tsne"]

BACKGROUND_COLOR: Color = (196, 201, 208)
FRAME_COLOR: Color = (200, 205, 212)
SUPERSAMPLE = 3
PERPLEXITY = 30.0


def draw_embedding(
    embeddings: npt.NDArray[np.floating],
    labels: Int64,
    names: tuple[str, ...],
    *,
    method: Method = "pca",
    seed: int = 0,
    size_px: int = 640,
) -> UInt8:
    """Draw one dot per vector in two dimensions, coloured by class, with legend and caption.

    Args:
        embeddings: (n, D) vectors, n >= 3, D >= 2.
        labels: (n,) index into names, -1 for background (grey).
        names: Names of the classes.
        method: `pca` takes the two directions of most variance, both at one scale, with their
            shares in the caption. `tsne` keeps neighbours together. Its distances mean nothing (van
            der Maaten and Hinton 2008; scikit-learn, perplexity 30).
        seed: Seed of t-SNE.
        size_px: Width of the picture [px].

    Returns:
        (H, size_px, 3) uint8 RGB. H is size_px and what the legend needs.

    Raises:
        CalicoError: Shapes, labels or values are out of range.
    """
    _check(embeddings, labels, names)
    xy, caption = project_pca(embeddings) if method == "pca" else project_tsne(embeddings, seed)
    plot = Image.fromarray(
        np.full((size_px * SUPERSAMPLE, size_px * SUPERSAMPLE, 3), PAPER, np.uint8)
    )
    draw = ImageDraw.Draw(plot)
    pixels = _to_pixels(xy, size_px * SUPERSAMPLE)
    radius = SUPERSAMPLE * max(2.5, size_px / 160)
    for index in _painting_order(labels):
        _dot(
            draw,
            pixels[index, 0],
            pixels[index, 1],
            radius,
            _color(int(labels[index])),
            outline=SUPERSAMPLE,
        )
    plot = plot.resize((size_px, size_px), Image.Resampling.BOX)
    return _with_legend(plot, labels, names, caption)


def project_pca(embeddings: npt.NDArray[np.floating]) -> tuple[Float64, str]:
    """Project (n, D) vectors on the two directions of most variance.

    The sign of a direction is chosen so that its largest entry is positive.

    Returns:
        (n, 2) coordinates, and a caption with the directions' shares of the variance.
    """
    centered = embeddings.astype(np.float64) - embeddings.mean(axis=0, dtype=np.float64)
    _, spread, directions = np.linalg.svd(centered, full_matrices=False)
    if spread[0] < 1e-12:
        return np.zeros((len(embeddings), 2)), "PCA: all vectors are equal"
    top = directions[:2]
    largest = top[np.arange(2), abs(top).argmax(axis=1)]
    top = top * np.where(largest < 0, -1.0, 1.0)[:, None]
    share = spread[:2] ** 2 / (spread**2).sum()
    xy: Float64 = centered @ top.T
    return xy, f"PCA: {share[0]:.0%} of the variance across, {share[1]:.0%} up"


def project_tsne(embeddings: npt.NDArray[np.floating], seed: int) -> tuple[Float64, str]:
    """Place (n, D) vectors in the plane by t-SNE.

    Args:
        embeddings: (n, D) vectors.
        seed: Seed of the run.

    Returns:
        (n, 2) coordinates, and a caption.
    """
    require_extra("a t-SNE picture", "train")
    from sklearn.manifold import TSNE  # a second to load

    if np.ptp(embeddings, axis=0).max() < 1e-12:
        return np.zeros((len(embeddings), 2)), "t-SNE: all vectors are equal"
    perplexity = min(PERPLEXITY, (len(embeddings) - 1) / 3)
    tsne = TSNE(perplexity=perplexity, init="pca", random_state=derive_seed(seed, "tsne") % 2**32)
    xy: Float64 = tsne.fit_transform(embeddings.astype(np.float64)).astype(np.float64)
    return xy, f"t-SNE, perplexity {perplexity:.0f}: neighbours count, distances do not"


def _check(embeddings: npt.NDArray[np.floating], labels: Int64, names: tuple[str, ...]) -> None:
    if embeddings.ndim != 2 or embeddings.shape[0] < 3 or embeddings.shape[1] < 2:
        raise CalicoError(
            f"draw_embedding: embeddings of shape {embeddings.shape}; expected (n >= 3, D >= 2)"
        )
    if labels.shape != embeddings.shape[:1]:
        raise CalicoError(
            f"draw_embedding: labels of shape {labels.shape}; expected ({len(embeddings)},)"
        )
    if labels.min() < -1 or labels.max() >= len(names):
        raise CalicoError(
            f"draw_embedding: labels from {labels.min()} to {labels.max()}; expected -1 to "
            f"{len(names) - 1}"
        )
    if not np.isfinite(embeddings).all():
        raise CalicoError("draw_embedding: some embeddings are NaN or infinite")


def _color(label: int) -> Color:
    return BACKGROUND_COLOR if label < 0 else CLASS_COLORS[label % len(CLASS_COLORS)]


def _painting_order(labels: Int64) -> Int64:
    """Background first, then class by class, the rarest on top."""
    counts = np.bincount(labels + 1)
    counts[0] = len(labels) + 1
    result: Int64 = np.argsort(-counts[labels + 1], kind="stable")
    return result


def _to_pixels(xy: Float64, side: int) -> Float64:
    """Centred in the square at one scale for both axes, the second axis up."""
    low, high = xy.min(axis=0), xy.max(axis=0)
    scale = 0.9 * side / max(float((high - low).max()), 1e-12)
    result: Float64 = side / 2 + (xy - (low + high) / 2) * scale * np.array([1.0, -1.0])
    return result


def _dot(
    draw: ImageDraw.ImageDraw, x: float, y: float, radius: float, color: Color, outline: int = 0
) -> None:
    draw.ellipse(
        (x - radius, y - radius, x + radius, y + radius), fill=color, outline=PAPER, width=outline
    )


def _with_legend(plot: Image.Image, labels: Int64, names: tuple[str, ...], caption: str) -> UInt8:
    """The classes that occur, with their counts, in as many rows as they need.

    The caption follows.
    """
    size_px = plot.width
    face = load_font(max(9.0, size_px / 52))
    ruler = ImageDraw.Draw(plot)
    row_px = round(max(9.0, size_px / 52) * 1.7)
    occurring = np.unique(labels)
    x, row = 10.0, 0
    entries: list[tuple[float, int, str, Color]] = []
    for label in np.roll(occurring, -1 if occurring[0] < 0 else 0):
        text = f"{'background' if label < 0 else names[label]} {int((labels == label).sum())}"
        width = row_px * 0.9 + ruler.textlength(text, font=face)
        if x > 10.0 and x + width > size_px - 10:
            x, row = 10.0, row + 1
        entries.append((x, row, text, _color(int(label))))
        x += width + row_px * 0.8
    height = size_px + (row + 2) * row_px + row_px // 2
    picture = Image.new("RGB", (size_px, height), PAPER)
    picture.paste(plot)
    draw = ImageDraw.Draw(picture)
    draw.line([(0, size_px), (size_px, size_px)], fill=FRAME_COLOR)
    for x, row, text, color in entries:
        y = size_px + row_px * (row + 0.75)
        _dot(draw, x + row_px * 0.3, y, row_px * 0.28, color)
        draw.text((x + row_px * 0.9, y), text, fill=INK, font=face, anchor="lm")
    total = f"{caption}; {len(labels)} dots"
    draw.text((10, height - row_px * 0.75), total, fill=INK, font=face, anchor="lm")
    return np.asarray(picture)
