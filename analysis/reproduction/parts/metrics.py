"""Metrics and pairings compared over all pairs: Tables 1 and 2, Fig. 8, folding and centring."""

from collections.abc import Mapping
from typing import Any

from headgraph.analysis.detection import detect
from headgraph.analysis.informativeness import informativeness
from headgraph.analysis.informativeness.figure import informativeness_figure
from headgraph.analysis.reproduction.claims import Claim, Part, claim, not_run, picture
from headgraph.analysis.reproduction.sources import Source
from headgraph.analysis.robustness import robustness
from headgraph.base.names import GRAPH_PAIRINGS

NAMES = {
    "pk": "PK",
    "cs": "CS",
    "simple_cs": "Simple CS",
    "cka": "Linear CKA",
    "procrustes": "Procrustes similarity",
}
READINGS = {
    "cka": {"cka": "rows as examples", "cka_columns": "head dimensions as examples"},
    "procrustes": {
        "procrustes": "rows as examples",
        "procrustes_columns": "head dimensions as examples",
    },
}
"""Our readings of metrics that the paper names and does not define."""


def heads(source: Source, paper: Mapping[str, Any]) -> Part:
    """Table 1: PR-AUC of head detection."""
    rows = detect(source.graph, resamples=1).set_index(["metric", "pairing"])["pr_auc"]
    claims: list[Claim] = []
    for name, printed in paper["detection"].items():
        for metric, how in READINGS.get(name, {name: ""}).items():
            for pairing, figure in zip(GRAPH_PAIRINGS, printed, strict=True):
                text = f"{NAMES[name]}{f' ({how})' if how else ''}, {pairing}"
                if metric in source.graph.meta.metrics:
                    claims.append(claim(text, figure, float(rows[metric, pairing]), reading=True))
                else:
                    claims.append(not_run(text, figure))
    pk, cs = ([float(rows[metric, pairing]) for pairing in ("OQ", "OK")] for metric in ("pk", "cs"))
    leads = all(a > b for a, b in zip(pk, cs, strict=True))
    return Part(
        "Detection of labelled heads",
        "Table 1",
        claims,
        (
            "The paper's labels and protocol are not available. Our reading: a head's score is "
            "the largest over all pairs that it touches, the 36 heads of our list are to be found, "
            "and the area is taken by trapezoids.",
            f"PK {'leads' if leads else 'does not lead'} CS here on both OQ and OK; in the paper "
            "it leads.",
        ),
    )


def classes(source: Source, paper: Mapping[str, Any]) -> Part:
    """Table 2: retrieval of pairs of one class."""
    title, where = "Retrieval of heads of one class", "Table 2"
    names = {
        (metric, name): f"{NAMES[metric]}: {word}, mean of QQ, KK, VV and OO"
        for metric in paper["classes"]
        for name, word in (("pr_auc", "PR-AUC"), ("roc_auc", "ROC-AUC"))
    }
    if not source.has_weights:
        claims = [not_run(text, paper["classes"][m][n]) for (m, n), text in names.items()]
        return Part(title, where, claims, ("Needs the weights: the table at hand has O only.",))
    rows = detect(source.same_roles, task="classes", resamples=1)
    means = rows.groupby("metric")[["pr_auc", "roc_auc"]].mean()
    claims = []
    for (metric, name), text in names.items():
        for ours, how in READINGS.get(metric, {metric: ""}).items():
            said = f"{text}{f' ({how})' if how else ''}"
            value = float(means[name][ours])
            claims.append(claim(said, paper["classes"][metric][name], value, reading=True))
    return Part(
        title,
        where,
        claims,
        (
            "The paper states neither its classes nor how pairings are put together. Our reading: "
            "the eight classes of Fig. 1 with all their labelled heads, all unordered pairs of the "
            "144 heads, the mean over pairings.",
        ),
    )


def divergences(source: Source, paper: Mapping[str, Any]) -> Part:
    """Fig. 8: KL of all 16 pairings, and mean PK of the highest and the lowest."""
    where, title = "Fig. 8", "Informativeness of the 16 pairings"
    names = [(f"KL of {pairing}, nats", pairing, "kl") for pairing in paper["kl"]]
    names += [(f"mean PK of {pairing}", pairing, "mean_pk") for pairing in paper["mean_pk"]]
    if not source.has_weights:
        return Part(
            title,
            where,
            [not_run(text, paper[kind][pairing]) for text, pairing, kind in names],
            ("Needs the weights: the table at hand has OQ, OK and OV.",),
        )
    rows = informativeness(source.sixteen).set_index("pairing")
    return Part(
        title,
        where,
        [
            claim(text, paper[kind][pairing], float(rows.loc[pairing, kind]))
            for text, pairing, kind in names
        ],
        (
            "KL(reference || observed) over 255 bins on [0, d_head], as the paper takes it. "
            "docs/studies/informativeness.md has a version that can be compared between models.",
            "A divergence over 255 bins jumps by about 0.001 when one score crosses the edge of a "
            "bin, so rounding can show in the last digit.",
        ),
        (picture("KL by pairing, and the scores behind the extremes",
                 lambda dark: informativeness_figure(source.sixteen, dark=dark)),),
    )  # fmt: skip


def folding(source: Source, paper: Mapping[str, Any]) -> Part:
    """How folding the norm and centring change the strongest pairs by PK and by CS.

    The paper prints no numbers here, so nothing is judged.
    """
    title, where = "Folding and centring", "Robustness, in the text"
    said = "The paper says that PK's top lists stay nearly unchanged and that CS changes much."
    if not source.has_weights:
        return Part(title, where, [], (said, "Needs the weights, not a table of scores."))
    rows = robustness(source.weights, metrics=("pk", "cs"), revision=source.revision)
    claims = [
        Claim(
            f"{NAMES[str(row.metric)]}, {row.pairing}, {row.variant}: share of the 20 strongest "
            "that stay (rank correlation of all)",
            "",
            f"{row.top20_overlap:.2f} ({row.spearman:.3f})",
            "",
            "",
        )
        for row in rows.itertuples()
    ]
    return Part(title, where, claims, (said,))
