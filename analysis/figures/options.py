"""What every `headgraph figure NAME` has in common: where to write, and which colours."""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import click

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Command = TypeVar("Command", bound=Callable[..., object])


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
    """Ask whether `output` may be written, then draw, then write; returns the path."""
    from headgraph.analysis.figures import picture_path, save

    picture_path(output, force=force)  # before the work, not after it
    return str(save(draw(), output, force=force))
