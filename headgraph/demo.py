"""`headgraph demo`: from nothing to answers about GPT-2's heads in a real Neo4j.

The command uses every room, so it is above them.
"""

import os
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from headgraph.base.terminal import say, show

if TYPE_CHECKING:
    import pandas as pd

    from headgraph.graphdb import Graph
    from headgraph.pk_engine import AffinityTable, TableMeta

TINY, GPT2 = "induction-2l", "gpt2-small"
SHARE = 3  # per cent of the pairs, as the paper has it
MAX_DECOY = 0.1
COLUMNS = {
    "strongest_edges": "the target can read the source's output (O) as query (Q), key (K) or value "
    "(V), as the pairing says; pk: how much the two share, 0 to d_head; z: how far that is above "
    "random subspaces, in standard deviations, which real weights exceed without any function; "
    "pk_rank: 1 is the strongest pair of its pairing; decoy_q: how many backward pairs, which "
    "carry nothing, there are for each forward pair, at the limit of PK that keeps this pair and "
    "has the fewest; near 1, the pair does not stand out.",
    "hubs": "inlet, outlet: sum of z over the edges that enter the head, and that leave it; both: "
    "their geometric mean, greatest in the middle layers, whose heads have most partners on both "
    "sides (hubs_by_layer corrects this); copying: sign of what the head writes back into what it "
    "reads as value, 1 the same and -1 the negative; self_overlap: share of what it writes that "
    "lies there, and the rest is written elsewhere; roles: what the literature found the head to "
    "do, (derived) what its weights say.",
    "ioi_circuit": "source_role, target_role: what the two heads do in the circuit; pairing: how "
    "the target can read the source; pk, z and pk_rank as above.",
}
# the pairs of the picture; short enough for a link on a terminal
WIRING = f'MATCH p = (:Head {{run: "{GPT2}"}})-[e:OQ|OK|OV]->(:Head) WHERE e.pk_rank <= 20 RETURN p'


@click.command()
def demo() -> None:
    """See GPT-2's head graph in a local Neo4j: scores, graph, answers, picture, Browser.

    The demo uses the database at NEO4J_URI. If NEO4J_URI is not set, it starts the local server and
    leaves it running.

    Example: headgraph demo
    """
    # what needs no database is done while Java starts and loads
    beside = ThreadPoolExecutor(1, "headgraph-demo")
    try:
        scored, drawn = beside.submit(_score), beside.submit(_draw)
        with _database() as graph:
            _ask(graph, _fill(graph, scored))
            show(f"\nThe strongest edges as a picture: {drawn.result()}")
            _say_where(graph)
    finally:  # an error must not wait for what nobody reads any more
        beside.shutdown(wait=False, cancel_futures=True)


@contextmanager
def _database() -> Iterator["Graph"]:
    from headgraph.graphdb import connect

    if not os.environ.get("NEO4J_URI"):
        from headgraph.base.progress import bar_or_lines
        from headgraph.graphdb.server import start
        from headgraph.queries.browser import served_files

        _step("Starting the local Neo4j")
        with bar_or_lines() as progress:
            start(progress=progress, pages=served_files())
    with connect() as graph:
        yield graph


def _score() -> "AffinityTable":
    from headgraph.pk_engine import Selection, compute

    return compute(TINY, selection=Selection())


def _fill(graph: "Graph", scored: "Future[AffinityTable]") -> "TableMeta":
    """Load both runs; returns the metadata of the small model's table."""
    from headgraph import loader
    from headgraph.pk_engine import Selection

    _step(f"Scoring every pair of heads of {TINY}, a small trained model that is bundled")
    table = scored.result()
    _step(f"Loading its {len(table):,} scored pairs as run {TINY}")
    say(f"  {loader.load(table, graph, run=TINY, replace=True)}")
    _step(f"Loading the strongest {SHARE} % of GPT-2 small's scored pairs as run {GPT2}")
    report = loader.load(
        GPT2, graph, run=GPT2, selection=Selection(top_percent=SHARE), replace=True
    )
    # the shares of decoys stand beside the answers, where they matter
    say(f"  {replace(report, decoy_shares={})}")
    return table.meta


def _ask(graph: "Graph", tiny: "TableMeta") -> None:
    from headgraph import queries

    strongest = queries.query("strongest_edges", graph, run=TINY, per_pairing=2)
    _show(
        f"headgraph query strongest_edges --run {TINY} -p per_pairing=2",
        strongest,
        COLUMNS["strongest_edges"],
        _on_induction(strongest, tiny),
    )
    hubs = queries.query("hubs", graph, run=GPT2, limit=8)
    _show(
        f"headgraph query hubs --run {GPT2} -p limit=8",
        hubs,
        COLUMNS["hubs"],
        _on_hubs(hubs, _default_table()),
    )
    circuit = queries.query("ioi_circuit", graph, run=GPT2)
    _show(
        f"headgraph query ioi_circuit --run {GPT2}",
        circuit.head(10),
        COLUMNS["ioi_circuit"] + " step_edges: kept edges of this step, out of step_pairs; "
        "step_expected: how many other heads of the same layers have on average.",
        _on_circuit(circuit),
    )


def _default_table() -> "AffinityTable":
    """The part of GPT-2's bundled table that is loaded."""
    from headgraph.pk_engine import AffinityTable, Selection
    from headgraph.pk_engine.bundled import table_path

    return AffinityTable.read(table_path(GPT2)).select(Selection(top_percent=SHARE))


def _on_induction(rows: "pd.DataFrame", tiny: "TableMeta") -> str:
    from headgraph.base.names import parse_head
    from headgraph.pk_engine.labels import labels_for

    top = rows[rows["pairing"] == "OK"].iloc[0]
    labels = labels_for(tiny).set_index(["layer", "head"])["role"]
    roles = [labels.get(parse_head(top[end]), "unlabelled") for end in ("source", "target")]
    source, target = (role.replace("_", "-") for role in roles)
    earlier, later = (_heads_of(labels, parse_head(top[end])) for end in ("source", "target"))
    return (
        f"In {TINY}, the key input of {top['target']}, {_a(target)} head, can read what "
        f"{top['source']}, {_a(source)} head, writes: PK {top['pk']:.1f} of at most {tiny.d_head}, "
        f"where random subspaces would share {tiny.moments['OK']['mean']:.1f}. That the two roles "
        f"meet is weak evidence: {earlier} of the {tiny.n_heads} heads of the source's layer and "
        f"{later} of the target's have the same roles."
    )


def _heads_of(labels: "pd.Series[str]", head: tuple[int, int]) -> int:
    """How many heads of a head's layer have its role."""
    return int((labels.xs(head[0], level="layer") == labels.get(head)).sum())


def _a(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def _on_hubs(rows: "pd.DataFrame", table: "AffinityTable") -> str:
    """The greatest hub, and what it does with what it reads; how many edges mean nothing."""
    from headgraph.base.names import GRAPH_PAIRINGS, parse_head

    meta = table.meta
    top = rows.iloc[0]
    layer, head = parse_head(top["head"])
    copies, overlap = (meta.heads[name][layer][head] for name in ("copying", "self_overlap"))
    # the sentence on the sign covers roles that follow from the weights
    known = [role for role in top["roles"] if not role.startswith(("eraser", "copier"))]
    roles = ", ".join(known) or "no known role"
    shares = ", ".join(f"{name} {100 * meta.decoys[name]['share']:.0f} %"
                       for name in GRAPH_PAIRINGS)  # fmt: skip
    sign = _on_sign(top["head"], copies, overlap)
    return (
        f"In GPT-2 small, {top['head']} ({roles}) is the greatest hub: {top['edges_in']} strong "
        f"edges enter it and {top['edges_out']} leave it. {sign}\n"
        f"Not every edge means something. Nothing can pass through a backward pair, yet some are "
        f"as strong as the kept edges. As a share of the edges, there are: {shares}. "
        f"{_with_few_decoys(top['head'], table)}"
    )


def _with_few_decoys(name: str, table: "AffinityTable") -> str:
    """What is left of a hub where only edges with few decoys are kept."""
    from headgraph.analysis.hubs.scores import hub_scores
    from headgraph.pk_engine import Selection

    kept = table.select(Selection(max_decoy=MAX_DECOY))
    scores = hub_scores(kept)
    left = scores[scores["name"] == name]
    pairings = ", ".join(sorted(set(kept.columns["pairing"])))
    both = scores[(scores["edges_in"] > 0) & (scores["edges_out"] > 0)]
    leads = f"{scores.iloc[0]['name']} leads"
    if len(both) == 1:
        leads = f"only {both.iloc[0]['name']} has edges on both sides"
    return (
        f"With --max-decoy {MAX_DECOY}, {len(kept)} of the {len(table):,} edges stay (pairing "
        f"{pairings}): {name} keeps {left['edges_in'].sum()} edges in and "
        f"{left['edges_out'].sum()} out, and {leads}."
    )


def _on_sign(name: str, copies: float | None, overlap: float | None) -> str:
    """With which sign a hub writes what it reads."""
    from headgraph.pk_engine.metrics.copying import derived_role

    if copies is None or overlap is None:
        return f"Whether {name} copies what it reads is undefined: its W_OV is 0."
    found = f"copying {copies:.4f} from -1 to 1, self-overlap {overlap:.2f} of 1"
    return {
        "eraser": f"{name} writes the negative of what it reads as value ({found}). On its own "
        "token, this counteracts what was there; on other tokens, the negative is passed on. The "
        "role eraser names this sign and overlap, not an effect.",
        "copier": f"{name} writes what it reads as value ({found}).",
        None: f"{name} writes neither simply what it reads nor its negative ({found}).",
    }[derived_role(copies, overlap)]


def _on_circuit(rows: "pd.DataFrame") -> str:
    """The edges of the circuit beside those that depth alone would give."""
    edges = rows.dropna(subset="source")  # a step without an edge has a row too
    steps = rows.drop_duplicates(["source_role", "pairing", "target_role"])
    heads = set(edges["source"]) | set(edges["target"])
    return (
        f"In the circuit that names the indirect object, {len(edges)} strong edges join "
        f"{len(heads)} heads in the order of its known steps; the first 10 are shown. "
        f"That is {len(edges)} of {steps['step_pairs'].sum()} possible edges; "
        f"{steps['step_expected'].sum():.0f} are expected from depth alone. Some of these "
        "heads are hubs, with many edges to any head, which could explain most of the others. "
        f"{_by_step(steps)} "
        "PK says that a head could read another, not that it does."
    )


def _by_step(steps: "pd.DataFrame") -> str:
    """The steps that have hardly more edges than depth alone gives."""
    parts = steps.groupby(["source_role", "target_role"], sort=False)[
        ["step_edges", "step_expected"]
    ].sum()
    weak = [
        f"{source} to {target} ({found:.0f}, expected {by_depth:.1f})"
        for (source, target), (found, by_depth) in zip(
            parts.index, parts.itertuples(index=False), strict=True
        )
        if found < 2 * by_depth
    ]
    return f"These steps have hardly more than depth gives: {', '.join(weak)}." if weak else ""


def _draw() -> Path:
    import platformdirs

    from headgraph.analysis.figures.output import save
    from headgraph.analysis.wiring.diagram import wiring

    folder = Path(platformdirs.user_data_dir("headgraph", appauthor=False)) / "demo"
    folder.mkdir(parents=True, exist_ok=True)
    figure = wiring(GPT2)
    return Path(save(figure, folder / "gpt2-wiring.svg", force=True))


def _say_where(graph: "Graph") -> None:
    from headgraph.graphdb.server import running

    server = running()
    if server is None or server.bolt_uri != graph.settings.uri:
        show(f"\nThe graph is in {graph.settings.uri}.")
        return
    from headgraph import queries
    from headgraph.queries.browser.setup_page import is_served, kit_link

    link = queries.browser_link(
        server.browser_url,
        uri=server.bolt_uri,
        user=server.user,
        cypher=WIRING,
    )
    if is_served(server.browser_url):
        link = kit_link(link, [GPT2], every=False, once=True)
    show(
        f"\nNeo4j Browser, with the picture's 60 pairs typed in as a query:\n  {link}\n"
        f"  user {server.user}, password: headgraph server status --show-password\n"
        f"  a stored query instead: headgraph browser through --run {GPT2} -p head=L4H11\n"
        "\nThe server keeps running; headgraph server stop stops it and keeps the data."
        f"\nAll stored queries: headgraph query{_path_note()}"
    )


def _path_note() -> str:
    """How to put the command on the path, if a shell would not find it."""
    import shutil
    import sys

    if shutil.which("headgraph"):
        return ""
    return f"\n(headgraph is not on your path yet: source {Path(sys.prefix) / 'bin' / 'activate'})"


def _step(text: str) -> None:
    say(text, bold=True)


def _show(command: str, rows: "pd.DataFrame", columns: str, sentence: str) -> None:
    from headgraph._output import emit

    show(f"\n$ {command}", fg="cyan")
    emit(rows)
    show(f"Columns: {columns}", dim=True)
    show(sentence)
