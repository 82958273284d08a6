"""Options that the commands of several studies share."""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import click

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Command = TypeVar("Command", bound=Callable[..., object])

resamples_option = click.option(
    "--resamples",
    metavar="N",
    type=int,
    default=1000,
    show_default=True,
    help="Number of bootstrap resamples.",
)
level_option = click.option(
    "--level",
    metavar="X",
    type=float,
    default=0.95,
    show_default=True,
    help="Confidence level of the intervals.",
)
fdr_option = click.option(
    "--fdr",
    metavar="A",
    type=float,
    default=0.05,
    show_default=True,
    help="False discovery rate.",
)
random_prompts_option = click.option(
    "--n-prompts",
    metavar="N",
    type=int,
    default=32,
    show_default=True,
    help="Number of random sequences.",
)


def labels_option(
    metavar: str = "FILE|none", words: str = "Head roles."
) -> Callable[[Command], Command]:
    """Add `--labels`, by default the bundled labels of the model."""
    return click.option("--labels", metavar=metavar, help=f"{words}  [default: the bundled labels]")


def seed_option(what: str) -> Callable[[Command], Command]:
    """Add `--seed`, the random seed for `what`."""
    return click.option(
        "--seed",
        metavar="N",
        type=click.IntRange(min=0),
        default=0,
        show_default=True,
        help=f"Random seed for {what}.",
    )


def metric_names(text: str) -> list[str]:
    """The metrics of a list with commas, in lower case."""
    names = [name.strip().lower() for name in text.split(",") if name.strip()]
    if not names:
        raise click.BadParameter(
            f"{text!r} names no metric; expected names such as pk,cs", param_hint="'--metrics'"
        )
    return names


def picture_options(command: Command) -> Command:
    """Add `--output`, `--dark` and `--force`."""
    options = (
        click.option("-o", "--output", metavar="FILE", required=True,
                     help="Figure to write, ending in .svg, .png or .pdf."),
        click.option("--dark", is_flag=True, help="Use colours for dark pages."),
        click.option("--force", is_flag=True, help="Replace an existing output file."),
    )  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


def write_picture(draw: "Callable[[], Figure]", output: str, *, force: bool) -> str:
    """Check that `output` can be written, then draw and write; returns the path."""
    from headgraph.analysis.figures import picture_path, save

    picture_path(output, force=force)  # before the work, not after it
    return str(save(draw(), output, force=force))


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
        seed_option("all samples"),
    )  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command
