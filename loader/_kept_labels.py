"""Labels that a run has, for what is put in its place."""

from dataclasses import replace

import pandas as pd

from headgraph.graphdb import schema
from headgraph.graphdb.runner import Runner
from headgraph.loader._plan import LoadPlan
from headgraph.pk_engine.labels import COLUMNS

_RUN = f"""
MATCH (r:{schema.RUN} {{name: $name}})
RETURN r.fingerprint AS fingerprint, r.label_source AS source
"""
_LABELS = f"""
MATCH (:{schema.RUN} {{name: $name}})-[:HAS_HEAD]->(h)-[has:HAS_ROLE]->(role:{schema.ROLE})
RETURN h.layer AS layer, h.head AS head, role.name AS role, coalesce(has.circuit, '') AS circuit,
       coalesce(has.source, '') AS source, coalesce(has.note, '') AS note
"""


def with_labels_there(graph: Runner, plan: LoadPlan) -> LoadPlan:
    """The plan with the labels of the run that it replaces, where these came from a file or none.

    Only where nobody asked for labels, and only for the same weights: heads of another model have
    other roles.
    """
    there = next(iter(graph.read(_RUN, {"name": plan.name})), None)
    same = there is not None and there["fingerprint"] == plan.table.meta.fingerprint
    if plan.labels_asked or there is None or not same or there["source"] == "bundled":
        return plan
    rows = [dict(row) for row in graph.read(_LABELS, {"name": plan.name})]
    labels = pd.DataFrame(rows, columns=list(COLUMNS)).sort_values(list(COLUMNS), ignore_index=True)
    source = str(there["source"])
    if labels.equals(plan.labels):
        return plan
    what = "stays without labels" if source == "none" else f"keeps its labels from {source}"
    note = f"{plan.name} {what}: --labels FILE gives it other ones"
    return replace(plan, labels=labels, label_source=source, notes=(*plan.notes, note))
