"""Options of commands that ask a stored query."""

from collections.abc import Callable, Iterable
from typing import Any

import click

from headgraph.base.text import short
from headgraph.queries.errors import ParameterError


def query_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--run` and `-p`: the run that is asked about, and the query's own parameters."""
    param = click.option(
        "-p",
        "--param",
        "params",
        multiple=True,
        metavar="NAME=VALUE",
        help="A parameter of the query; a list is written with commas.",
    )
    run = click.option("--run", metavar="RUN", help="Run to ask about.  [default: the only one]")
    return run(param(command))


def parse_params(texts: Iterable[str]) -> dict[str, str]:
    """Values by name out of `NAME=VALUE` texts.

    Raises:
        ParameterError: no equals sign, a name given twice, or the run.
    """
    values: dict[str, str] = {}
    for text in texts:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not equals or not name:
            raise ParameterError(
                f"-p {short(text)} is no NAME=VALUE: wanted for example -p head=L4H7"
            )
        if name == "run":
            raise ParameterError(f"the run is no -p parameter: give --run {short(value) or 'NAME'}")
        if name in values:
            raise ParameterError(
                f"-p {short(name)} is given twice: give a list with commas, such as A,B"
            )
        values[name] = value
    return values


def chosen_format() -> str:
    """What `--format` says, which the command line keeps; `table` where nobody said anything."""
    meta = click.get_current_context().find_root().meta
    return str(meta.get("headgraph.format", "table"))


def values_of(name: str, params: tuple[str, ...], *, complete: bool = True) -> dict[str, str]:
    """Values by name; what is wrong with them is said before a database is looked for."""
    from headgraph.queries.library import get
    from headgraph.queries.runner import given_values

    stored, values = get(name), parse_params(params)
    given_values(stored, values, complete=complete)
    return values
