"""The graph in words: each label, relationship and property with its type and meaning.

`headgraph schema` prints them, and docs/reference/graph.md has a table of them. A test compares
them with a loaded database, in both directions.
"""

from collections.abc import Iterator
from typing import NamedTuple

from headgraph.base.names import GRAPH_PAIRINGS, NULLS, PAIRINGS
from headgraph.graphdb import schema


class Property(NamedTuple):
    """A property of a node or a relationship.

    Attributes:
        name: its name; PAIRING, METRIC and NULL stand for one of `STANDS_FOR`.
        type: Neo4j's type.
        text: its meaning.
    """

    name: str
    type: str
    text: str


class Element(NamedTuple):
    """A kind of node or of relationship.

    Attributes:
        name: its label, or its type.
        pattern: how it stands in a statement.
        text: its meaning.
        properties: its properties.
    """

    name: str
    pattern: str
    text: str
    properties: tuple[Property, ...]


STANDS_FOR = {
    "PAIRING": PAIRINGS,
    "METRIC": (
        *("cs", "simple_cs", "cka", "cka_columns"),
        *("procrustes", "procrustes_columns", "max_cosine"),
    ),
    "NULL": NULLS,
}
"""The words that PAIRING, METRIC and NULL in the name of a property stand for."""


def _all(kind: str, *rows: tuple[str, str]) -> tuple[Property, ...]:
    """Properties of one type, from names and texts."""
    return tuple(Property(name, kind, text) for name, text in rows)


_BEHAVIOUR = "measured attention to {}, 0 to 1; an annotation"
_ATTENDS = {
    "previous_token": "the token before",
    "duplicate_token": "earlier copies of the token",
    "induction": "the token after an earlier copy",
    "identity": "the token itself",
}
_ORDER = "in the order of kept_pairings"
_FIGURES = {"min": "least", "mean": "mean", "median": "median", "max": "greatest"}

ELEMENTS = (
    Element(
        schema.RUN, "(:Run)",
        "One table of scores, loaded under one name. Two runs never share a head or an edge",
        (
            *_all(
                "STRING",
                ("name", "name of the run; absent while it is loaded or dropped"),
                ("id", "hash of name, table and selection"),
                ("status", "complete, loading or dropping"),
                ("model", "hub id, or name of the model's folder"),
                ("revision", "commit of a hub id"),
                ("family", "the file that describes the model's tensors"),
                ("fingerprint", "hash of the weights"),
                ("layer_order", "forward (source layer before target layer), all, or within"),
                ("kv", "native (each key/value head scored once) or expand"),
                ("selection", "the rules that chose the kept pairs, in words"),
                ("selection_rules", "the same rules as JSON"),
                ("scored", "pairs scored in each pairing, as JSON"),
                ("moments", "mean and sd of the random reference in each pairing, as JSON"),
                ("deficient", "matrices of less than full rank, as JSON"),
                ("layers", "the layers that have heads, with their heads, widths and streams, and "
                 "d_model where it is less than the run's, as JSON; absent where all layers are "
                 "alike"),
                ("origin", "how the weights were stored, as JSON: quantised, with an adapter; "
                 "absent for plain weights"),
                ("tower", "vision for the vision encoder of a model of several parts"),
                ("nulls", "null models that the pairs were compared with, as JSON"),
                ("dtype", "number type of the computation"),
                ("backend", "array library of the computation"),
                ("table_sha256", "hash of the table before the selection"),
                ("label_source", "origin of the role labels: bundled, none, or the name of a file"),
                ("labels_sha256", "hash of the role labels"),
                ("version", "version of headgraph that scored the pairs"),
                ("loader_version", "version of headgraph that loaded them"),
                ("series", "training run that the model is a checkpoint of"),
            ),
            *_all(
                "INTEGER",
                ("n_layers", "layers of the model"),
                ("n_heads", "query heads in a layer"),
                ("n_kv_heads", "key/value heads in a layer"),
                ("d_model", "width of the residual stream, of the widest where they differ"),
                ("d_head", "width of a head"),
                ("heads", "heads of the run"),
                ("edges", "edges of the run"),
                ("pairs", "scored pairs that the run keeps"),
                ("pairs_scored", "pairs that were scored; more than pairs if the run is cut"),
                ("graph_version", "version of this schema that the run was written in"),
                ("table_format", "format of the table"),
                ("decoy_scored_PAIRING", "backward pairs that were scored as decoys"),
                ("communities_seed", "random seed of the communities"),
                ("behaviour_seed", "random seed of the measured behaviour"),
                ("behaviour_prompts", "prompts that the behaviour was measured on"),
            ),
            *_all("BOOLEAN", ("fold_ln", "whether norms were folded into Q, K and V"),
                  ("center_writing", "whether O was centred")),
            *_all(
                "FLOAT",
                ("step", "training step of the checkpoint"),
                ("chance_PAIRING", "mean PK of two random subspaces; absent where d_head and "
                 "d_model give it"),
                ("decoy_share_PAIRING", "(1 + backward pairs as strong as the weakest kept pair) "
                 "/ kept pairs: above 0.1, many kept edges are as strong as pairs that cannot "
                 "carry anything"),
                ("decoy_share_neighbours_PAIRING", "the same for edges between neighbouring layers "
                 "and the backward pairs between them; absent in runs of older tables, "
                 "and for three edges or fewer that no decoy matches"),
                ("decoy_share_further_PAIRING", "the same for all other edges"),
                ("communities_resolution", "resolution of the communities"),
                ("communities_modularity", "modularity of the communities"),
            ),
            *_all(
                "LIST OF STRING",
                ("pairings", "pairings that were scored"),
                ("metrics", "scores that each pair has"),
                ("kept_pairings", "pairings that have edges"),
                ("kept_strongest", "pairing, source and target of the edge with the greatest z"),
                ("communities_pairings", "pairings whose edges count for the communities"),
            ),
            *_all(
                "LIST OF INTEGER",
                ("kept_edges", f"edges, {_ORDER}"),
                ("kept_pairs", f"scored pairs that the edges stand for, {_ORDER}"),
            ),
            *_all(
                "LIST OF FLOAT",
                *((f"kept_{score}_{name}", f"{word} {score} of the kept edges, {_ORDER}")
                  for score in ("pk", "z")
                  for name, word in _FIGURES.items() if (score, name) != ("pk", "mean")),
            ),
            *_all("ZONED DATETIME", ("started_at", "start of the load"),
                  ("loaded_at", "end of the load")),
        ),
    ),
    Element(
        schema.HEAD, "(:Head)",
        "A query head of a run, with or without edges. It also has a label for each of its roles, "
        "such as :InductionHead, or :Eraser and :Copier for derived roles",
        (
            *_all("STRING", ("name", "such as L4H7: layer 4, head 7, both counted from 0; "
                             "E, D or X in the place of L in encoder-decoders"),
                  ("run", "name of its run"), ("id", "unique id of the head")),
            *_all("INTEGER", ("layer", "its layer, counted from 0 in the order of the computation"),
                  ("head", "its place in the layer, counted from 0"),
                  ("kv_head", "the key/value head that it reads through"),
                  ("heads_before", "heads in earlier layers that it could read; absent where all "
                   "layers are alike"),
                  ("heads_after", "heads in later layers that could read it; likewise"),
                  ("community", "its group by the Louvain method, 1 the largest; an annotation")),
            *_all(
                "FLOAT",
                ("inlet_PAIRING", "sum of z over the edges of the pairing that enter it; absent "
                 "without such an edge"),
                ("outlet_PAIRING", "sum of z times share over those that leave it"),
                ("copying", "real part of the sum of W_OV's eigenvalues / sum of their moduli, -1 "
                 "to 1: near 1 it writes what it reads, near -1 minus what it reads"),
                ("self_overlap", "overlap of what it reads through V and what it writes, 0 to 1"),
                *((name, _BEHAVIOUR.format(text)) for name, text in _ATTENDS.items()),
            ),
        ),
    ),
    Element(
        schema.ROLE, "(:Role)", "A role of heads, shared by all runs",
        _all("STRING", ("name", "such as induction or name_mover; eraser and copier are derived")),
    ),
    Element("HAS_HEAD", "(:Run)-[:HAS_HEAD]->(:Head)", "The heads of a run", ()),
    Element(
        "HAS_ROLE", "(:Head)-[:HAS_ROLE]->(:Role)",
        "A role of a head, from the literature or a label file, or derived from the weights",
        _all(
            "STRING",
            ("circuit", "circuit that the role belongs to; weights marks a derived role"),
            ("source", "where the role comes from"),
            ("note", "a remark"),
        ),
    ),
    Element(
        "PAIRING", "(:Head)-[:PAIRING]->(:Head)",
        "A scored pair that was kept, from source to target. The type is the source's role and the "
        "target's role, such as OQ: the source's output matrix O and the target's query matrix Q. "
        "An edge says what could pass between two heads, not what does",
        (
            *_all(
                "FLOAT",
                ("pk", "Projection Kernel: overlap of the two subspaces, 0 to d_head"),
                ("pk_normalized", "pk divided by the square root of the product of both ranks, "
                 "0 to 1"),
                ("z", "pk against random subspaces of the same ranks, in standard deviations"),
                ("share", "1 / edges drawn for the scored pair; below 1 if query heads share a "
                 "key/value head"),
                ("METRIC", "another score of the pair"),
                ("z_NULL", "z against a null model"), ("p_NULL", "p-value against it"),
                ("q_NULL", "p-value against it, adjusted for many tests"),
                ("decoy_q", "smallest share of decoys at any threshold that keeps the edge; absent "
                 "where there are no decoys"),
            ),
            *_all("INTEGER", ("pk_rank", "rank among all scored pairs of the pairing, 1 the "
                                         "strongest"),
                  ("kv_head", "the key/value head that the edge passes through; absent "
                              "without one")),
        ),
    ),
)  # fmt: skip

CONVENTIONS = (
    "Give the run on the nodes that a pattern starts from: (h:Head {run: $run}). Heads of two runs "
    "can have the same name.",
    f"{', '.join(GRAPH_PAIRINGS)} compare what a source writes with what a target reads, so "
    "information could pass there. Other pairings compare other matrices of two heads.",
    "A run may hold only some of the scored pairs, mostly the strongest (pairs < pairs_scored). A "
    "missing edge then means a pair that was not kept, and not a score of 0.",
    "To count scored pairs, sum e.share. Weight sums over the edges that leave a head by share; "
    "sums over the edges that enter it need no weight.",
    "Heads of a run that is being loaded or dropped have the label LoadingHead in place of Head. "
    "Such a Run has no name, and properties of the load: called, loader, loader_process, alive_at, "
    "ending.",
)

EXAMPLES = (
    (
        "The strongest edges of one pairing",
        "MATCH (a:Head {run: $run})-[e:OV]->(b:Head)\n"
        "RETURN a.name AS source, b.name AS target, e.pk AS pk, e.z AS z\n"
        "ORDER BY e.pk_rank LIMIT 10",
    ),
    (
        "What feeds the heads of a role",
        'MATCH (b:Head {run: $run})-[:HAS_ROLE]->(:Role {name: "name_mover"})\n'
        "WITH DISTINCT b\n"
        "MATCH (a:Head)-[e:OQ|OK|OV]->(b)\n"
        "RETURN a.name AS head, count(*) AS edges, sum(e.z) AS z ORDER BY z DESC LIMIT 10",
    ),
    (
        "What a run holds of each pairing, and where it is cut",
        "MATCH (r:Run {name: $run}) UNWIND range(0, size(r.kept_pairings) - 1) AS i\n"
        "RETURN r.kept_pairings[i] AS pairing, r.kept_pairs[i] AS pairs, "
        "r.kept_pk_min[i] AS pk_min",
    ),
)
"""Titles and statements; `$run` is the name of a run."""


def schema_text() -> str:
    """The schema as text, for a person or a language model that writes Cypher."""
    return "\n".join(_lines()).rstrip()


def _lines() -> Iterator[str]:
    yield "# The graph of headgraph in Neo4j"
    yield ""
    yield f"Version {schema.VERSION} of the schema. Types are Neo4j's; any property may be absent."
    for word, names in STANDS_FOR.items():
        yield f"{word} stands for one of {', '.join(names)}."
    for element in ELEMENTS:
        yield ""
        yield f"## {element.pattern}"
        yield f"{element.text}."
        yield from (f"- {it.name} ({it.type}): {it.text}" for it in element.properties)
    yield ""
    yield "## Conventions"
    yield from (f"- {text}" for text in CONVENTIONS)
    yield ""
    yield "## Examples"
    for title, statement in EXAMPLES:
        yield f"// {title}"
        yield statement
        yield ""


def markdown_table() -> str:
    """The properties as a table for the documentation."""
    rows = ["| where | property | type | meaning |", "| --- | --- | --- | --- |"]
    for element in ELEMENTS:
        rows.append(f"| `{element.pattern}` | | | {element.text} |")
        rows += [
            f"| `{element.name}` | `{it.name}` | {it.type} | {it.text} |"
            for it in element.properties
        ]
    return "\n".join(rows)
