"""What a table's graph must be, worked out row by row from the table, for tests of exports."""

import math
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from headgraph.pk_engine.table.affinity import AffinityTable

ROLES = """layer,head,role,circuit,source,note
0,1,induction,ioi,"Somebody; else, 2020","said ""so"" \\ and ä😀"
0,1,induction,,nobody,seen
2,3,name_mover,,,
"""
LABELS = {"L0H1": [":Head", ":InductionHead"], "L2H3": [":Head", ":NameMoverHead"]}
SAID = [
    {"head": "L0H1", "role": "induction", "source": "nobody", "note": "seen"},
    {
        "head": "L0H1",
        "role": "induction",
        "circuit": "ioi",
        "source": "Somebody; else, 2020",
        "note": 'said "so" \\ and ä😀',
    },
    {"head": "L2H3", "role": "name_mover"},
]


def roles_file(folder: Path) -> Path:
    path = folder / "roles.csv"
    path.write_text(ROLES, encoding="utf-8")
    return path


def head_properties(table: AffinityTable, run: str, run_id: str) -> dict[str, dict[str, Any]]:
    """Of every head of the model, by name; sums are compared as floats are."""
    meta = table.meta
    group = meta.n_heads // meta.n_kv_heads
    return {
        f"L{i}H{j}": {"id": f"{run_id}:L{i}H{j}", "run": run, "name": f"L{i}H{j}", "layer": i,
                      "head": j, "kv_head": j // group, **_sums(table, i, j)}
        for i in range(meta.n_layers)
        for j in range(meta.n_heads)
    }  # fmt: skip


def _sums(table: AffinityTable, layer: int, head: int) -> dict[str, Any]:
    """Inlets and outlets of one head, edge by edge."""
    values: dict[str, list[float]] = {}
    for row in table.edges().to_dict("records"):
        if (row["target_layer"], row["target_head"]) == (layer, head):
            values.setdefault(f"inlet_{row['pairing']}", []).append(float(row["z"]))
        if (row["source_layer"], row["source_head"]) == (layer, head):
            values.setdefault(f"outlet_{row['pairing']}", []).append(float(row["z"]) * row["share"])
    return {name: pytest.approx(math.fsum(given)) for name, given in values.items()}


def edge_properties(frame: pd.DataFrame) -> dict[tuple[str, str, str], dict[str, Any]]:
    """Of every row of a table without groups, by source, pairing and target."""
    ends = ["source_layer", "source_head", "target_layer", "target_head"]
    others = (*ends, "source", "target", "pairing")
    return {
        (f"L{a}H{b}", row["pairing"], f"L{c}H{d}"): {
            **{name: row[name] for name in frame.columns if name not in others},
            "share": 1.0,
        }
        for row in frame.to_dict("records")
        for a, b, c, d in [[row[end] for end in ends]]
    }
