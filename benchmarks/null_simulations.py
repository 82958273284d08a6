"""Null models on simulated weights whose joined pairs are known.

    python -m benchmarks.null_simulations [--models N] [--kinds NAMES] [--processes N]

Writes docs/data/null-simulations.csv, a row for each kind of weights and null, from which
docs/studies/nulls.md takes its tables (cog). `--kinds` runs some kinds and keeps the other rows.

Models have 6 layers of 6 heads, d_model 96, d_head 16, in GPT-2's layout. Model i of a kind has the
seed i, for its weights and for what the nulls draw. All scores and nulls are the library's own.
"""

import argparse
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.common import DOCS, table
from headgraph.base.names import GRAPH_PAIRINGS, NULLS, ROLES
from headgraph.pk_engine import Selection, compute

LAYERS, HEADS, D, M = 6, 6, 96, 16
FILE = DOCS / "data" / "null-simulations.csv"
LEVEL = 0.05
TOP = 0.03
"""Share of forward pairs above the threshold for decoys, as in the paper's top 3 %."""
EDGES, JOINED = 12, 6
"""Planted pairs of a model, and the dimensions that each shares."""

Array = NDArray[np.float64]
Rng = np.random.Generator


@dataclass
class Simulated:
    """Weights of one model.

    Attributes:
        heads: role -> layers x heads x d x m; the columns span what the head reads or writes.
        edges: (target role, source layer, source head, target layer, target head) of joined pairs.
    """

    heads: dict[str, Array]
    edges: set[tuple[str, int, int, int, int]] = field(default_factory=set)


def independent(rng: Rng) -> Simulated:
    """Independent normal weights."""
    return Simulated({role: rng.standard_normal((LAYERS, HEADS, D, M)) for role in ROLES})


def _scales(rng: Rng, spread: float) -> Array:
    """A = Q diag(exp(spread n)), n normal and Q uniform."""
    q = np.linalg.qr(rng.standard_normal((D, D)))[0]
    return np.asarray(q * np.exp(spread * rng.standard_normal(D)))


def common_covariance(rng: Rng, spread: float = 0.8) -> Simulated:
    """A Z with one A for all layers and roles."""
    a = _scales(rng, spread)
    return Simulated({role: a @ heads for role, heads in independent(rng).heads.items()})


def role_covariance(rng: Rng) -> Simulated:
    """A Z with an A for each role."""
    return Simulated({r: _scales(rng, 0.8) @ heads for r, heads in independent(rng).heads.items()})


def shared_span(rng: Rng) -> Simulated:
    """E Z with one random span E of 60 dimensions."""
    e = rng.standard_normal((D, 60))
    return Simulated({r: e @ rng.standard_normal((LAYERS, HEADS, 60, M)) for r in ROLES})


def layer_spans(rng: Rng) -> Simulated:
    """E Z with a span of 60 dimensions for each role and layer."""
    return Simulated({
        role: rng.standard_normal((LAYERS, 1, D, 60))
        @ rng.standard_normal((LAYERS, HEADS, 60, M))
        for role in ROLES
    })  # fmt: skip


def head_types(rng: Rng) -> Simulated:
    """Z + 2.5 F_k Z', F_k one of four random 6-dimensional subspaces for each head and role."""
    spans = np.linalg.qr(rng.standard_normal((4, D, 6)))[0]
    return Simulated({
        role: heads
        + 2.5 * spans[rng.integers(4, size=(LAYERS, HEADS))]
        @ rng.standard_normal((LAYERS, HEADS, 6, M))
        for role, heads in independent(rng).heads.items()
    })  # fmt: skip


def depth_drift(rng: Rng) -> Simulated:
    """Q diag(exp(s_l)) Z, s_l an autoregressive walk over layers (.7, stationary sd .8)."""
    a = _walk(rng, LAYERS)
    return Simulated({role: a @ heads for role, heads in independent(rng).heads.items()})


def lagging_drift(rng: Rng) -> Simulated:
    """As `depth_drift`, but Q, K and V of a layer have the walk of the layer before."""
    a = _walk(rng, LAYERS + 1)
    heads = independent(rng).heads
    return Simulated({role: (a[1:] if role == "O" else a[:-1]) @ heads[role] for role in ROLES})


def _walk(rng: Rng, layers: int) -> Array:
    """Q diag(exp(s_l)) of each layer, layers x 1 x d x d."""
    q = np.linalg.qr(rng.standard_normal((D, D)))[0]
    walk = [0.8 * rng.standard_normal(D)]
    for _ in range(1, layers):
        walk.append(0.7 * walk[-1] + 0.8 * np.sqrt(1 - 0.7**2) * rng.standard_normal(D))
    return np.asarray(q * np.exp(np.stack(walk))[:, None, None, :])


def planted(rng: Rng, base: Callable[[Rng], Simulated] = independent) -> Simulated:
    """Joined pairs: 6 columns of the target become combinations of what the source writes."""
    model = base(rng)
    used: set[Any] = set()
    while len(model.edges) < EDGES:
        role = "QKV"[rng.integers(3)]
        first, second = np.sort(rng.choice(LAYERS, 2, replace=False)).tolist()
        source, target = rng.integers(HEADS, size=2).tolist()
        # a target that reads two sources, or a source with two targets, would join more pairs
        ends = {("O", first, source), (role, second, target)}
        if ends & used:
            continue
        used |= ends
        written = model.heads["O"][first, source]
        mixed = written @ np.linalg.qr(rng.standard_normal((M, M)))[0][:, :JOINED]
        model.heads[role][second, target][:, :JOINED] = mixed
        model.edges.add((role, first, source, second, target))
    return model


KINDS: dict[str, tuple[str, Callable[[Rng], Simulated]]] = {
    "independent": ("independent normal weights", independent),
    "common covariance": ("all heads prefer the same directions", common_covariance),
    "role covariance": ("heads of a role prefer the same directions", role_covariance),
    "shared span": (
        "all heads use the same random 60-dimensional subspace, some directions more than others",
        shared_span,
    ),
    "layer spans": (
        "each layer and role has a random 60-dimensional subspace, unrelated to the others",
        layer_spans,
    ),
    "head types": (
        "four sets of 6 directions; each head prefers one set for each of its roles",
        head_types,
    ),
    "depth drift": (
        "all heads of a layer prefer the same directions, which change gradually with depth",
        depth_drift,
    ),
    "planted": (f"independent, with {EDGES} connected pairs in all pairings together", planted),
    "planted, common covariance": (
        f"common covariance, with {EDGES} connected pairs in all pairings together",
        partial(planted, base=common_covariance),
    ),
    "lagging drift": (
        "as depth drift, but heads prefer to read the directions that the layer before prefers to "
        "write",
        lagging_drift,
    ),
}


def save(model: Simulated, folder: Path) -> Path:
    """Write a checkpoint in GPT-2's layout."""
    import json

    from safetensors.numpy import save_file

    tensors = {}
    for layer in range(LAYERS):
        parts = {r: np.concatenate(list(model.heads[r][layer]), axis=1) for r in ROLES}
        fused = np.concatenate([parts[role] for role in "QKV"], axis=1)
        tensors[f"h.{layer}.attn.c_attn.weight"] = np.ascontiguousarray(fused, np.float32)
        tensors[f"h.{layer}.attn.c_proj.weight"] = np.ascontiguousarray(parts["O"].T, np.float32)
    config = {"model_type": "gpt2", "n_layer": LAYERS, "n_head": HEADS, "n_embd": D}
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    save_file(tensors, folder / "model.safetensors")
    return folder


def one(kind: str, seed: int) -> list[dict[str, Any]]:
    """Counts of one model: a row for each null."""
    model = KINDS[kind][1](np.random.default_rng([list(KINDS).index(kind), seed]))
    with TemporaryDirectory() as folder:
        found = compute(
            save(model, Path(folder)), selection=Selection(fdr=1, null=",".join(NULLS)), seed=seed
        ).frame
        every = compute(folder, layer_order="all", selection=Selection()).frame
    columns = ["source_layer", "source_head", "target_layer", "target_head"]
    ends = zip(found["pairing"].str[1], *(found[name] for name in columns), strict=True)
    joined = np.array([end in model.edges for end in ends])
    shares = []
    for pairing in GRAPH_PAIRINGS:
        of = every[every["pairing"] == pairing]
        before = of["source_layer"] - of["target_layer"]
        forward, backward = of.loc[before < 0, "pk"], of.loc[before > 0, "pk"]
        kept = round(TOP * len(forward))
        threshold = forward.nlargest(kept).iloc[-1]
        shares.append((1 + (backward >= threshold).sum()) / (forward >= threshold).sum())
    false_top = 1 - joined[found["pk_rank"] <= kept].mean()
    rows = []
    for null in NULLS:
        kept_pairs = found[f"q_{null}"].to_numpy() <= LEVEL
        # q is adjusted within a pairing, and so is the share of false pairs; 0 where none is kept
        wrong = [
            float((~joined[kept_pairs & of]).mean()) if (kept_pairs & of).any() else 0.0
            for of in (found["pairing"].to_numpy() == pairing for pairing in GRAPH_PAIRINGS)
        ]
        rows.append({
            "kind": kind, "null": null, "seed": seed,
            "rejected": float((found[f"p_{null}"].to_numpy()[~joined] <= LEVEL).mean()),
            "kept": int(kept_pairs.sum()), "false": float(np.mean(wrong)),
            "found": int((kept_pairs & joined).sum()), "edges": int(joined.sum()),
            "false_top": float(false_top), "decoys": float(np.mean(shares)),
        })  # fmt: skip
    return rows


def summary(rows: pd.DataFrame, how: str) -> pd.DataFrame:
    """Means and standard errors over models: a row for each kind and null."""
    out = []
    for (kind, null), of in rows.groupby(["kind", "null"], sort=False):
        error = {
            name: values.std(ddof=1) / np.sqrt(len(of))
            for name, values in of[["rejected", "false", "decoys"]].items()
        }
        out.append({
            "kind": kind, "null": null, "models": len(of),
            "rejected": of["rejected"].mean(), "rejected_se": error["rejected"],
            "false_share": of["false"].mean(), "false_share_se": error["false"],
            "kept": of["kept"].mean(),
            "found": of["found"].sum() / of["edges"].sum() if of["edges"].any() else None,
            "top_false": of["false_top"].mean(),
            "decoy_share": of["decoys"].mean(), "decoy_share_se": error["decoys"],
            "how": how,
        })  # fmt: skip
    return pd.DataFrame(out)


def main() -> None:
    """Simulate, and write the data file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, default=40)
    parser.add_argument("--kinds", default=";".join(KINDS), help="separated by semicolons")
    parser.add_argument("--processes", type=int, default=1)
    options = parser.parse_args()
    how = ", ".join(f"{name} {version(name)}" for name in ("headgraph", "numpy", "scipy"))
    before = pd.read_csv(FILE) if FILE.is_file() else pd.DataFrame()
    found = dict(list(before.groupby("kind"))) if len(before) else {}
    with ProcessPoolExecutor(options.processes) as pool:
        for kind in options.kinds.split(";"):
            parts = list(pool.map(partial(one, kind), range(options.models)))
            found[kind] = summary(pd.DataFrame([row for part in parts for row in part]), how)
            print(found[kind].drop(columns="how").to_string(), flush=True)
            order = [found[name] for name in KINDS if name in found]
            pd.concat(order).to_csv(FILE, index=False, float_format="%.4g")


def tables(file: Path = FILE) -> str:
    """The tables of docs/studies/nulls.md, from the data file."""
    rows = pd.read_csv(file)
    kinds = [kind for kind in KINDS if kind in set(rows["kind"])]
    cell = rows.set_index(["kind", "null"])
    how = rows["how"].unique()

    def grid(form: Callable[[Any], str], names: Sequence[str]) -> str:
        body = [[kind, *(form(cell.loc[(kind, null)]) for null in NULLS)] for kind in names]
        return table(["weights", *(f"`{null}`" for null in NULLS)], body)

    truth = [kind for kind in kinds if not kind.startswith("planted")]
    what = table(
        ["weights", "how they are drawn", "models"],
        [[kind, KINDS[kind][0], f"{cell.loc[(kind, NULLS[0])].models}"] for kind in kinds],
    )
    rejected = grid(lambda row: f"{row.rejected:.3f}", truth)
    wrong = grid(
        lambda row: (
            f"{row.false_share:.1%} ± {row.false_share_se:.1%}"
            + ("" if pd.isna(row.found) else f"; {row.found:.0%} found")
        ),
        kinds,
    )
    decoys = table(
        ["weights", "share of false pairs", "decoy share"],
        [
            [kind, f"{row.top_false:.2f}", f"{row.decoy_share:.2f} ± {row.decoy_share_se:.2f}"]
            for kind in kinds
            for row in [cell.loc[(kind, NULLS[0])]]
        ],
    )
    return (
        f"The models have {LAYERS} layers of {HEADS} heads, d_model {D} and d_head {M}. The models "
        f"of each kind of weights have the seeds 0, 1, 2 and so on ({'; '.join(how)}).\n\n{what}"
        f"\n\nThe share of pairs with p at most {LEVEL:g}, in models without connected pairs:"
        f"\n\n{rejected}\n\n"
        f"The share of false pairs among the pairs that `--fdr {LEVEL:g}` keeps, as a mean over "
        "pairings and models, with its standard error. Where no pair is kept, the share counts as "
        "0. For planted pairs, the table also shows how many of them are found:"
        f"\n\n{wrong}\n\n"
        f"Which share of the strongest {100 * TOP:g} % of each pairing is false, and the [decoy "
        "share](#decoys), which estimates it. The decoy share is a mean over OQ, OK, OV and the "
        f"models, with its standard error:\n\n{decoys}"
    )


if __name__ == "__main__":
    main()
