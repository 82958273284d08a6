"""The graph's schema: labels, relationship types, properties, constraints, indexes.

    (:Run {id, name, status, table_sha256, ...})-[:HAS_HEAD]->(:Head)
    (:Head {id, run, name, layer, head, kv_head, inlet_OQ, outlet_OQ, ..., copying, self_overlap,
            previous_token, duplicate_token, induction, identity})
                                              the last four if behaviour was measured
    (:Head)-[:HAS_ROLE {circuit, source, note}]->(:Role {name})
    (:Head)-[:OQ|OK|OV|... {pk, pk_normalized, z, pk_rank, kv_head, share, decoy_q, ...}]->(:Head)

While a run is loaded or dropped, its heads carry `LoadingHead` in place of `Head`, and have no
`run` and no role labels; its Run has no `name`. So a query over `Head` that runs before or after
the last transaction of a load sees no run or a whole one. (Neo4j isolates at "read committed": a
query that runs during that commit may see a part.)
"""

import re

from headgraph.base.errors import UnreadableFile
from headgraph.base.files.documents import parse_json
from headgraph.base.names import PAIRINGS

RUN = "Run"
HEAD = "Head"
LOADING_HEAD = "LoadingHead"
ROLE = "Role"

BEHAVIOURS = ("previous_token", "duplicate_token", "induction", "identity")
"""Properties of a Head with its measured behaviour, 0 to 1."""

INLET, OUTLET = "inlet", "outlet"
"""`inlet_OQ` of a Head is the sum of z over the OQ edges that enter it, `outlet_OQ` the sum of z
times share over those that leave it. A head without such edges has no such property."""

KEPT = "kept_"
"""Prefix of the properties of a Run that say what it keeps of each pairing."""

HEAD_SCORES = ("copying", "self_overlap")
"""Properties of a Head that its own weights give it; absent where they are not defined."""

DERIVED_ROLES = ("eraser", "copier")
"""Roles that follow from `copying` and `self_overlap`. Labels from a file cannot have them."""
DERIVED_CIRCUIT = "weights"
"""`circuit` of a derived role's HAS_ROLE. Labels from a file cannot have it."""
DERIVED_SOURCE = "derived: copying and self_overlap of W_OV"
"""`source` of a derived role's HAS_ROLE."""

DECOY_SHARE, DECOY_SCORED = "decoy_share_", "decoy_scored_"
"""Prefixes of the properties of a Run with the share of decoys among the kept pairs of a pairing,
and with the number of backward pairs scored for it."""
DECOY_NEIGHBOURS, DECOY_FURTHER = f"{DECOY_SHARE}neighbours_", f"{DECOY_SHARE}further_"
"""Prefixes of the same share between neighbouring layers, and further apart."""
DECOY_Q = "decoy_q"
"""Property of an edge: the smallest share of decoys at any threshold that keeps it."""

CHANCE = "chance_"
"""Prefix of the properties of a Run with the mean PK of random subspaces for each pairing, where
roles or layers have heads of different widths."""
BEFORE, AFTER = "heads_before", "heads_after"
"""Properties of a Head with the numbers of heads in earlier layers that it could read, and in later
layers that could read it, where these do not follow from the numbers of layers and heads."""

VERSION = 3
"""Version of the graph that a load writes, `graph_version` of a Run."""

SUMS_SINCE = 2
"""The version from which heads have inlets and outlets, and the Run has `kept_pairings` and what
it keeps of each (`loader.loading.edges`)."""

CUT_SINCE = 3
"""The version from which the Run has `kept_z_min`. From it on, a run of a table that has them also
has the scores of heads, their derived roles, and the decoys of pairings and edges."""

NAMED = "r.name IS :: STRING NOT NULL"
"""Condition on a Run `r`: it has a name. One of another type was set by hand."""

LOADING = "loading"
COMPLETE = "complete"
DROPPING = "dropping"

CONSTRAINTS = (
    "CREATE CONSTRAINT headgraph_run_id IF NOT EXISTS FOR (r:Run) REQUIRE r.id IS UNIQUE",
    "CREATE CONSTRAINT headgraph_run_name IF NOT EXISTS FOR (r:Run) REQUIRE r.name IS UNIQUE",
    "CREATE CONSTRAINT headgraph_head_id IF NOT EXISTS FOR (h:Head) REQUIRE h.id IS UNIQUE",
    "CREATE CONSTRAINT headgraph_loading_head_id IF NOT EXISTS "
    "FOR (h:LoadingHead) REQUIRE h.id IS UNIQUE",
    "CREATE CONSTRAINT headgraph_role_name IF NOT EXISTS FOR (r:Role) REQUIRE r.name IS UNIQUE",
)
INDEXES = (
    "CREATE INDEX headgraph_head_run IF NOT EXISTS FOR (h:Head) ON (h.run)",
    "CREATE INDEX headgraph_head_run_name IF NOT EXISTS FOR (h:Head) ON (h.run, h.name)",
    # the checkpoints of one training run, among the runs of others
    "CREATE INDEX headgraph_run_series IF NOT EXISTS FOR (r:Run) ON (r.series)",
)


def scored_counts(text: object) -> dict[str, int] | None:
    """The pairs scored for each pairing, from `scored` of a Run.

    Returns:
        None for anything that a load does not write.
    """
    try:
        counts = parse_json(str(text), source="scored")
    except UnreadableFile:
        return None
    known = set(counts) <= set(PAIRINGS)
    good = known and all(type(count) is int and 0 <= count < 2**63 for count in counts.values())
    return counts if good else None


MANY_EDGES = 100_000
"""Edges of one run from which on an index over ranks is made."""


def rank_index(pairing: str) -> str:
    """The statement that makes an index over `pk_rank` of a pairing, so top lists read few edges.

    An index serves one type of edge and slows every load, so it is made when a large run is
    loaded.
    """
    return (
        f"CREATE INDEX headgraph_rank_{pairing.lower()} IF NOT EXISTS "
        f"FOR ()-[e:{pairing}]-() ON (e.pk_rank)"
    )


_ROLE_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")


def is_role(name: object) -> bool:
    """Whether this is a role name: lower-case words joined by underscores."""
    return isinstance(name, str) and _ROLE_NAME.fullmatch(name) is not None


def role_label(role: str) -> str:
    """The node label that colours heads of a role: `s_inhibition` -> `SInhibitionHead`.

    A derived role has a label of another form, because no literature says it: `Eraser`, `Copier`.

    Raises:
        ValueError: not lower-case words joined by underscores.
    """
    if not is_role(role):
        raise ValueError(
            f"{role!r} is no role name: expected lower-case words joined by _, such as name_mover"
        )
    end = "" if role in DERIVED_ROLES else "Head"
    return "".join(word.capitalize() for word in role.split("_")) + end
