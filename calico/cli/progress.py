"""Progress as a bar on a terminal, and as a line per tenth of the work elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Mapping

import click
from tqdm import tqdm
from typing_extensions import Never


class Progress:
    """Shows the progress of some work.

    Call it with (done, total) and numbers to show.

    Args:
        label: Name of the work.
    """

    def __init__(self, label: str) -> None:
        self.label = label
        self.bar: tqdm[Never] | None = None
        self.tenths = -1

    def __call__(self, done: int, total: int, values: Mapping[str, float] | None = None) -> None:
        """Report that `done` of `total` pieces are finished.

        Nothing is shown for an empty work.

        Args:
            done: Finished pieces.
            total: All pieces.
            values: Numbers to show, by name.
        """
        if total == 0:
            return
        shown = {name: f"{value:.3g}" for name, value in (values or {}).items()}
        if sys.stderr.isatty():
            if self.bar is None:
                self.bar = tqdm(total=total, desc=self.label, leave=True, dynamic_ncols=True)
            self.bar.update(done - self.bar.n)
            if shown:
                self.bar.set_postfix(shown)
            if done >= total:
                self.bar.close()
            return
        tenths = 10 * done // max(total, 1)
        if tenths > self.tenths:
            self.tenths = tenths
            click.echo(
                " ".join(
                    [f"{self.label}: {done}/{total}", *(f"{k}={v}" for k, v in shown.items())]
                ),
                err=True,
            )
