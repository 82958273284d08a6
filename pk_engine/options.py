"""Options that several commands share."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from headgraph.base.names import NULLS, TOWERS, VIA
from headgraph.base.spelling import Message
from headgraph.pk_engine.table.selection import Selection, one_without_other

Command = Callable[..., Any]
SCORING = (
    "pairings", "kv", "layer_order", "decoys", "backend", "device", "dtype", "memory", "revision",
)  # fmt: skip


def pairings_option(
    words: str = "Pairings to score, or all.", *also: str
) -> Callable[[Command], Command]:
    """Add `--pairings`, by default those of the graph; `also` has other names of the option."""
    return click.option("--pairings", *also, default="OQ,OK,OV", show_default=True, help=words)


def metrics_option(
    default: str | None = None, words: str = "Metrics to compute, such as pk,cs,cka."
) -> Callable[[Command], Command]:
    """Add `--metrics`; without a default, all metrics are the default."""
    all_of_them = "" if default else "  [default: all]"
    return click.option(
        "--metrics", default=default, show_default=default is not None, help=words + all_of_them
    )


layer_order_option = click.option(
    "--layer-order",
    type=click.Choice(["forward", "all", "within"]),
    default="forward",
    show_default=True,
    help="Pair heads from earlier to later layers, in any order, or within a layer.",
)
revision_option = click.option(
    "--revision", metavar="REV", help="Branch, tag or commit of a model on the hub."
)
via_option = click.option(
    "--via",
    type=click.Choice(VIA),
    default=VIA[0],
    show_default=True,
    help="Find the tensors by a family file or through TransformerLens.",
)

tower_option = click.option(
    "--tower",
    type=click.Choice(TOWERS),
    help="Part of a model of several parts, such as language with vision.  [default: language]",
)


def scoring_options(command: Command) -> Command:
    """Add the options of scoring; the command gets them as `scoring`, a dict by name."""

    @pairings_option()
    @metrics_option("pk")
    @click.option(
        "--kv",
        type=click.Choice(["native", "expand"]),
        help="Score each key/value head once, or once per query head.  [default: native; "
        "expand with cs]",
    )
    @layer_order_option
    @click.option(
        "--decoys/--no-decoys",
        default=True,
        show_default=True,
        help="Also score backward pairs, which cannot carry anything, and count those as strong as "
        "each pair.",
    )
    @click.option(
        "--backend",
        type=click.Choice(["auto", "numpy", "torch"]),
        default="auto",
        show_default=True,
        help="Array library to compute with.",
    )
    @click.option("--device", metavar="D", help="cpu, cuda, cuda:N or mps.  [default: the fastest]")
    @click.option(
        "--dtype",
        type=click.Choice(["float32", "float64"]),
        default="float32",
        show_default=True,
        help="Precision of the arithmetic.",
    )
    @click.option(
        "--memory",
        type=click.FloatRange(min=0, min_open=True),
        metavar="GB",
        help="Memory for the matrices that scores come from. Less memory means more passes over "
        "the files.  [default: 2, or half of a CUDA device's memory]",
    )
    @revision_option
    @wraps(command)
    def scoring(*args: Any, metrics: str, **kwargs: Any) -> Any:
        chosen = {name: kwargs.pop(name) for name in SCORING}
        chosen["metrics"] = [metric.strip().lower() for metric in metrics.split(",")]
        return command(*args, scoring=chosen, **kwargs)

    return scoring


def selection_options(command: Command) -> Command:
    """Add the options of selection; the command gets `selection`.

    It is None without an option, so each command has its own default, and `Selection()` for
    `--all`.
    """

    @click.option(
        "--top", type=int, metavar="N", help="Keep the N strongest pairs of each pairing."
    )
    @click.option(
        "--top-percent",
        type=float,
        metavar="P",
        help="Keep the strongest P percent of the scored pairs of each pairing.",
    )
    @click.option("--min-pk", type=float, metavar="X", help="Keep pairs whose PK is at least X.")
    @click.option("--min-z", type=float, metavar="Z", help="Keep pairs whose z is at least Z.")
    @click.option(
        "--top-per-target",
        type=int,
        metavar="N",
        help="Keep the N strongest pairs into each target head, for each pairing.",
    )
    @click.option(
        "--fdr",
        type=float,
        metavar="A",
        help="Keep pairs that differ from --null at false discovery rate A; 1 keeps all.",
    )
    @click.option(
        "--max-decoy",
        type=float,
        metavar="Q",
        help="Keep pairs whose share of decoys, decoy_q, is at most Q.",
    )
    @click.option("--null", metavar="NAMES", help=f"Null models for --fdr: {', '.join(NULLS)}.")
    @click.option(
        "--all", "everything", is_flag=True, help="Keep every pair; excludes the rules above."
    )
    @wraps(command)
    def selecting(
        *args: Any,
        top: int | None,
        top_percent: float | None,
        min_pk: float | None,
        min_z: float | None,
        top_per_target: int | None,
        fdr: float | None,
        null: str | None,
        max_decoy: float | None,
        everything: bool,
        **kwargs: Any,
    ) -> Any:
        rules = {
            "top": top,
            "top_percent": top_percent,
            "min_pk": min_pk,
            "min_z": min_z,
            "top_per_target": top_per_target,
            "fdr": fdr,
            "null": null,
            "max_decoy": max_decoy,
        }
        return command(*args, selection=_selection(rules, everything=everything), **kwargs)

    return selecting


def _selection(rules: dict[str, Any], *, everything: bool) -> Selection | None:
    given = [f"--{name.replace('_', '-')}" for name, value in rules.items() if value is not None]
    if everything and given:
        raise click.UsageError(
            f"--all keeps every pair and excludes {' and '.join(given)}: leave one out"
        )
    if not everything and not given:
        return None
    if lacking := one_without_other(rules["fdr"], rules["null"]):
        raise click.UsageError(Message(lacking).options)
    return Selection(**rules)


def refuse_together(**given: Any) -> None:
    """Raise click.UsageError where more than one of these options has a value.

    >>> refuse_together(text=None, prompts="p.txt")
    """
    names = [f"--{name.replace('_', '-')}" for name, value in given.items() if value is not None]
    if len(names) > 1:
        raise click.UsageError(f"{' and '.join(names)} exclude each other: give one of them")
