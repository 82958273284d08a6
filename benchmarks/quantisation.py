"""docs/guides/checkpoints.md: how far PK moves when a model was quantised.

python -m benchmarks.quantisation

The gguf package writes F16, Q8_0 and the like, and dequantises all kinds. K-quants are written by
libgguf (pip install libgguf), which has the C code of llama.cpp for them; without it they are left
out.
"""

import importlib.util
import json
import tempfile
from pathlib import Path

import gguf
import numpy as np

from benchmarks.common import DOCS, SHARED, table, write
from headgraph.pk_engine import AffinityTable, Selection, compute
from tests.pk_engine import gguf_models

MODELS = {"gpt2-attention": gguf_models.gpt2, "babyllama-361": gguf_models.llama}
KINDS = ("F16", "BF16", "Q8_0", "Q6_K", "Q5_K", "Q5_0", "Q4_K", "Q4_0", "Q3_K", "Q2_K")
KEY = ["pairing", "source_layer", "source_head", "target_layer", "target_head"]
KEPT = 3
"""Percent of the pairs that `compute` keeps by default."""


def main() -> None:
    """Quantise each model in each way and write the page's table."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name in MODELS:
            plain = compute(SHARED / "models" / name, selection=Selection())
            for kind in KINDS:
                if path := _quantised(name, kind, Path(folder)):
                    found = compute(path, selection=Selection())
                    rows.append([f"{name}", kind, _bits(kind), *_distance(plain, found)])
    head = ["model", "stored as", "bits a weight", "mean change of PK", "largest change of PK",
            f"of the strongest {KEPT} % of pairs, still there"]  # fmt: skip
    write("quantisation", table(head, rows), DOCS / "guides" / "checkpoints.md")


def _quantised(name: str, kind: str, folder: Path) -> Path | None:
    """A GGUF file of a model; None where rows are no whole number of blocks."""
    source = SHARED / "models" / name
    config = json.loads((source / "config.json").read_text("utf-8"))
    width = config.get("n_embd") or config["hidden_size"]
    block, _ = gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType[kind]]
    k_quant = kind.endswith("_K")
    if width % block or (k_quant and importlib.util.find_spec("libgguf") is None):
        return None
    quantise = gguf.quants.quantize
    if k_quant:
        import libgguf

        quantise = libgguf.quantize_rows
    return MODELS[name](source, config, folder / f"{name}-{kind}.gguf", kind, quantise=quantise)


def _bits(kind: str) -> str:
    block, size = gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType[kind]]
    return f"{8 * size / block:.3g}"


def _distance(plain: AffinityTable, found: AffinityTable) -> list[str]:
    both = plain.frame.merge(found.frame, on=KEY, validate="one_to_one")
    moved = np.abs(both["pk_x"] - both["pk_y"])
    kept = [set(map(tuple, t.select(Selection(top_percent=KEPT)).frame[KEY].to_numpy()))
            for t in (plain, found)]  # fmt: skip
    share = len(kept[0] & kept[1]) / len(kept[0])
    return [f"{moved.mean():.2g}", f"{moved.max():.2g}", f"{100 * share:.1f} %"]


if __name__ == "__main__":
    main()
