"""What `verify-edge` and `ablate` have in common: what the model is run on."""

from collections.abc import Callable
from typing import TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., object])


def prompt_options(command: Command) -> Command:
    """Add the options of `analysis.running.prompts.prompts_for`, and `--replace`."""
    options = (
        click.option("--prompts", metavar="FILE",
                     help="Prompts, one a line: text or token numbers, all of one length."),
        click.option("--text-file", metavar="FILE", help="A text, of which windows are drawn."),
        click.option("--sample", metavar="N", type=int, default=0, show_default=True,
                     help="Tokens by which the model continues each prompt; only these count."),
        click.option("--n-prompts", metavar="N", type=int, default=32, show_default=True,
                     help="Prompts at most."),
        click.option("--length", metavar="N", type=int,
                     help="Tokens of a sequence that is repeated, or of a window.  "
                          "[default: 24, of a window 64]"),
        click.option("--replace", metavar="mean|resample|zero", default="mean", show_default=True,
                     help="What a head writes instead: its mean over the prompts, what it writes "
                          "in another one, or nothing."),
        click.option("--seed", metavar="N", type=int, default=0, show_default=True,
                     help="Of everything that is drawn."),
    )  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command
