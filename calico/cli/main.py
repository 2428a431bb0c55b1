"""The group of all commands, `calico`.

It imports click only. The module of a command is loaded when the command is run.
"""

from __future__ import annotations

import importlib
import os

import click

from calico import __version__
from calico.cli.errors import TRACEBACK_VARIABLE, show_user_errors
from calico.cli.groups import Group

COMMANDS: dict[str, tuple[str, str]] = {
    "train": ("calico.cli.train:command", "Train a model on the simulator or on a data set."),
    "export": (
        "calico.cli.export:command",
        "Write the model as one ONNX file and, with --trt, as a TensorRT engine.",
    ),
    "eval": (
        "calico_eval.cli.eval:command",
        "Score a model on clean frames: nuScenes detection and BEV map.",
    ),
    "infer": (
        "calico_eval.cli.infer:command",
        "Write predictions as a nuScenes submission, and pictures.",
    ),
    "robust": (
        "calico_eval.cli.robust:command",
        "Measure a model under corruptions and attacks; resumable.",
    ),
    "gallery": (
        "calico_eval.cli.gallery:command",
        "Show every corruption at every severity on one frame.",
    ),
    "corrupt": (
        "calico.cli.corrupt:command",
        "Write corrupted copies of a data set, for other pipelines.",
    ),
    "report": (
        "reports.cli:report",
        "Write report.html, summary.md, junit.xml and metrics.txt from results.json.",
    ),
    "gate": ("reports.cli:gate", "Check results against rules; the exit code gates CI."),
    "config": ("calico.cli.config:group", "Show or check a configuration."),
    "data": ("calico.cli.data:group", "Check a data set, or prepare its frames."),
    "doctor": (
        "calico.cli.doctor:command",
        "Look at the installation: versions, devices, extras, folders.",
    ),
}


MOVED = {
    "bench": "the experiment on pre-training is not part of the installed package any more; "
    "in a clone of the repository, run: python -m experiments.pretraining"
}
"""Commands of earlier versions, and what to do now."""


class LazyGroup(Group):
    """A group whose commands are module paths until they are used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """List the names in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load a command's module.

        Args:
            ctx: Context of the group.
            cmd_name: What the user typed.

        Raises:
            click.UsageError: The command has moved. The message says where to.
        """
        if cmd_name in MOVED and not ctx.resilient_parsing:
            ctx.fail(f"calico {cmd_name}: {MOVED[cmd_name]}")
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table of commands without loading any of them.

        Args:
            ctx: Context of the group.
            formatter: Where the table is written.
        """
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


def _ask_for_traceback(context: click.Context, parameter: click.Parameter, wanted: bool) -> None:
    if wanted:
        os.environ[TRACEBACK_VARIABLE] = "1"


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.version_option(__version__, prog_name="calico")
@click.option(
    "--traceback",
    is_flag=True,
    expose_value=False,
    callback=_ask_for_traceback,
    help=f"Show where an error comes from, before COMMAND; the same as {TRACEBACK_VARIABLE}=1.",
)
def cli() -> None:
    """Train, export and stress-test camera-LiDAR bird's-eye-view models.

    \b
    The main job, on the embedded simulator (no data set, no GPU):
      calico train  --preset tiny --out runs/tiny
      calico export runs/tiny
      calico robust runs/tiny/model.onnx --out runs/tiny-robust
      calico report runs/tiny-robust
    """


def main() -> None:
    """Run the command line.

    A user's mistake prints one message and exits with 2.
    """
    show_user_errors(cli)


if __name__ == "__main__":
    main()
