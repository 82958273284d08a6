"""Options that the commands of this room share, and how they are read."""

from collections.abc import Callable, Iterable
from typing import Any

import click

from headgraph.base.text import short
from headgraph.queries.errors import ParameterError

Command = Callable[..., Any]


def run_option(command: Command) -> Command:
    """Add `--run`: the run to read."""
    add = click.option("--run", metavar="RUN", help="Run to ask about.  [default: the only run]")
    return add(command)


def query_options(command: Command) -> Command:
    """Add `--run` and `-p`: the run to read, and the query's own parameters."""
    add = click.option(
        "-p",
        "--param",
        "params",
        multiple=True,
        metavar="NAME=VALUE",
        help="Parameter of the query; repeat for more. Separate the items of a list by commas.",
    )
    return run_option(add(command))


def parse_params(texts: Iterable[str]) -> dict[str, str]:
    """Values by name from `NAME=VALUE` texts.

    Raises:
        ParameterError: a text has no equals sign, repeats a name or names the run.
    """
    values: dict[str, str] = {}
    for text in texts:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not equals or not name:
            raise ParameterError(f"-p {short(text)}: expected NAME=VALUE, such as -p head=L4H7")
        if name == "run":
            raise ParameterError(f"run is not a -p parameter: give --run {short(value) or 'NAME'}")
        if name in values:
            raise ParameterError(
                f"-p {short(name)} is given twice: separate items by commas, such as A,B"
            )
        values[name] = value
    return values


def chosen_format() -> str:
    """The value of `--format`, which the command line reads; `table` by default."""
    meta = click.get_current_context().find_root().meta
    return str(meta.get("headgraph.format", "table"))


def values_of(name: str, params: tuple[str, ...], *, complete: bool = True) -> dict[str, str]:
    """Values by name, checked before a database is connected."""
    from headgraph.queries.stored_queries.library import get
    from headgraph.queries.stored_queries.values import given_values

    stored, values = get(name), parse_params(params)
    given_values(stored, values, complete=complete)
    return values
