"""Values that headgraph itself knows: stored queries, what is bundled, the words of the field."""

from collections.abc import Callable, Iterable

import click
from click.shell_completion import CompletionItem

from headgraph.base.text import printable

Items = list[CompletionItem[str]]
Completer = Callable[[click.Context, str], Items]


def among(values: Iterable[str], incomplete: str, help_: str | None = None) -> Items:
    """Those values that begin with what is typed, whatever its case.

    A shell shows them as they are: names with control characters are left out.
    """
    return [
        CompletionItem(value, help=help_)
        for value in values
        if value.lower().startswith(incomplete.lower()) and value == printable(value)
    ]


def listed(values: Iterable[str], incomplete: str) -> Items:
    """The same for the last of several with commas between; what is there is not offered again."""
    given, comma, last = incomplete.rpartition(",")
    there = given.split(",")
    items = among([value for value in values if value not in there], last)
    return [CompletionItem(f"{given}{comma}{item.value}") for item in items]


def word(value: str) -> Completer:
    """A word that may stand where a file or a run else does."""
    return lambda ctx, incomplete: among([value], incomplete)


def files(ctx: click.Context, incomplete: str) -> Items:
    """The shell's own way with files."""
    return [CompletionItem(incomplete, type="file")]


def folders(ctx: click.Context, incomplete: str) -> Items:
    """The shell's own way with folders."""
    return [CompletionItem(incomplete, type="dir")]


def models(ctx: click.Context, incomplete: str) -> Items:
    """Bundled models, and folders: hub ids cannot be listed."""
    from headgraph.pk_engine.bundled import MODELS

    return [*among(MODELS, incomplete, "bundled model"), *folders(ctx, incomplete)]


def bundled_tables() -> tuple[str, ...]:
    """Names of the tables that come along."""
    from headgraph.pk_engine.bundled import TABLES

    return TABLES


def tables(ctx: click.Context, incomplete: str) -> Items:
    """Bundled tables, and those files and folders that the shells' scripts know for a table's."""
    file = CompletionItem(incomplete, type="table")
    return [*among(bundled_tables(), incomplete, "bundled table"), file]


def models_or_tables(ctx: click.Context, incomplete: str) -> Items:
    """What can be computed, or was."""
    from headgraph.pk_engine.bundled import MODELS

    return [*among(MODELS, incomplete, "bundled model"), *tables(ctx, incomplete)]


def queries(ctx: click.Context, incomplete: str) -> Items:
    """Stored queries, each with its title."""
    from headgraph.queries.stored_queries.library import catalogue

    return [
        CompletionItem(query.name, help=query.title)
        for query in catalogue().values()
        if query.name.startswith(incomplete.replace("-", "_"))
    ]


def pairings(ctx: click.Context, incomplete: str) -> Items:
    """Pairings with commas, those that flow first; `all` where nothing is typed."""
    from headgraph.base.names import GRAPH_PAIRINGS, PAIRINGS

    return listed(dict.fromkeys((*GRAPH_PAIRINGS, *PAIRINGS)), incomplete)


def metrics(ctx: click.Context, incomplete: str) -> Items:
    """Scores with commas."""
    from headgraph.pk_engine.metrics.registry import METRICS

    return listed(METRICS, incomplete)


def nulls(ctx: click.Context, incomplete: str) -> Items:
    """Nulls with commas."""
    from headgraph.base.names import NULLS

    return listed(NULLS, incomplete)


def matrices(ctx: click.Context, incomplete: str) -> Items:
    """Roles of a head's matrices."""
    from headgraph.base.names import ROLES

    return listed(ROLES, incomplete)


def roles(ctx: click.Context, incomplete: str) -> Items:
    """Roles of heads in the labels that come along."""
    from headgraph.pk_engine.labels import known_roles

    return among(known_roles(), incomplete)


def behaviours(ctx: click.Context, incomplete: str) -> Items:
    """What heads are measured to attend to."""
    from headgraph.graphdb.schema import BEHAVIOURS

    return among(BEHAVIOURS, incomplete)


def kinds(ctx: click.Context, incomplete: str) -> Items:
    """Roles and behaviours, each once."""
    found = [*behaviours(ctx, incomplete), *roles(ctx, incomplete)]
    return list({item.value: item for item in found}.values())


def devices(ctx: click.Context, incomplete: str) -> Items:
    """Where arrays can be."""
    return among(("cpu", "cuda", "mps"), incomplete)
