"""Entry point of `python -m experiments.pretraining`."""

from __future__ import annotations

from calico.cli.errors import show_user_errors
from experiments.pretraining.command import command

if __name__ == "__main__":
    show_user_errors(command, "python -m experiments.pretraining")
