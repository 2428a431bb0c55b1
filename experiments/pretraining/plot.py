"""The benchmark's picture, with matplotlib (extra `viz`)."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

from calico.extras import require_extra

Points = Mapping[str, Mapping[str, Sequence[tuple[float, float, float | None]]]]
"""Metric to title to (share of labels, mean, half width of the interval), in points."""


def plot(points: Points) -> str:
    """Draw an SVG with a panel per metric.

    With one share of labels it shows intervals by initialisation, else lines over the share of
    labels.

    Raises:
        CalicoError: matplotlib is not installed.
    """
    require_extra("the plot", "viz")
    import matplotlib as mpl
    from matplotlib.figure import Figure

    shares = {share for lines in points.values() for line in lines.values() for share, _, _ in line}
    titles = list(dict.fromkeys(title for lines in points.values() for title in lines))
    count = len(titles)
    figure = Figure(
        figsize=(4.2 * len(points) + 1.6, 1.4 + 0.34 * count if len(shares) == 1 else 4.6),
        layout="constrained",
    )
    axes = figure.subplots(1, len(points), squeeze=False, sharey=len(shares) == 1)[0]
    for axis, (metric, lines) in zip(axes, points.items(), strict=True):
        for title, line in lines.items():
            place = titles.index(title)
            x, y, half = zip(
                *[(share, mean, half or 0.0) for share, mean, half in line], strict=True
            )
            if len(shares) == 1:
                axis.errorbar(y, [place], xerr=half, fmt="o", capsize=3, color=f"C{place % 10}")
            else:
                axis.errorbar(
                    [100 * s for s in x],
                    y,
                    yerr=half,
                    fmt="o-",
                    capsize=3,
                    label=title,
                    color=f"C{place % 10}",
                )
        axis.grid(alpha=0.3)
        if len(shares) == 1:
            axis.set_yticks(range(count), titles)
            axis.set_ylim(count - 0.5, -0.5)
            axis.set_xlabel(f"{metric} at {100 * next(iter(shares)):g} % of the labels")
        else:
            axis.set_xscale("log")
            axis.set_xticks(
                [100 * s for s in sorted(shares)], [f"{100 * s:g}" for s in sorted(shares)]
            )
            axis.set_xlabel("labels, %")
            axis.set_title(metric)
    if len(shares) > 1:
        axes[-1].legend(fontsize="small", loc="center left", bbox_to_anchor=(1.0, 0.5))
    stream = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": "calico", "svg.fonttype": "none"}):
        figure.savefig(stream, format="svg", metadata={"Date": None})
    return stream.getvalue()
