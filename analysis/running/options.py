"""What `verify-edge` and `ablate` have in common: what the model is run on."""

from collections.abc import Callable
from typing import TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., object])


def prompt_options(command: Command) -> Command:
    """Add the options of `analysis.running.prompts.prompts_for`, and `--replace`."""
    options = (
        click.option("--prompts", metavar="FILE",
                     help="File of prompts of equal length, one a line, as text or token numbers."),
        click.option("--text-file", metavar="FILE", help="Text file to draw windows from."),
        click.option("--sample", metavar="N", type=int, default=0, show_default=True,
                     help="Let the model continue each prompt by N tokens; only these count."),
        click.option("--n-prompts", metavar="N", type=int, default=32, show_default=True,
                     help="Most prompts to use."),
        click.option("--length", metavar="N", type=int,
                     help="Tokens in a repeated sequence or in a window.  [default: 24; 64 in a "
                          "window]"),
        click.option("--replace", metavar="mean|resample|zero", default="mean", show_default=True,
                     help="Replacement for what a head writes: its mean over the prompts, what it "
                          "writes in another prompt, or zero."),
        click.option("--seed", metavar="N", type=int, default=0, show_default=True,
                     help="Random seed for all samples."),
    )  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command
