"""Token projection against its formula, written out in float64, and tokens against `tokenizers`."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from safetensors.numpy import load_file

import headgraph
from headgraph import cli
from headgraph.analysis.errors import AnalysisError
from headgraph.analysis.tokens.vocabulary import vocabulary
from headgraph.base.errors import BadName, UnknownHead
from headgraph.pk_engine.errors import WeightsError
from headgraph.pk_engine.models.location import locate
from tests.shared import GPT2, MODELS, needs_shared

PATH = locate("induction-2l").folder


@pytest.fixture(scope="module")
def tensors() -> dict[str, np.ndarray]:
    """The bundled model's, in float64."""
    loaded = load_file(PATH / "model.safetensors")
    return {name.removeprefix("transformer."): t.astype(np.float64) for name, t in loaded.items()}


def span(tensors: dict[str, np.ndarray], layer: int, head: int, role: str) -> np.ndarray:
    """Orthonormal basis by SVD; GPT-2 keeps Q, K and V side by side, 16 columns for each head."""
    if role == "O":
        matrix = tensors[f"h.{layer}.attn.c_proj.weight"][16 * head : 16 * (head + 1)].T
    else:
        first = 128 * "QKV".index(role) + 16 * head
        matrix = tensors[f"h.{layer}.attn.c_attn.weight"][:, first : first + 16]
    return np.linalg.svd(matrix, full_matrices=False)[0]


def by_formula(vectors: np.ndarray, basis: np.ndarray) -> np.ndarray:
    return np.array([np.linalg.norm(basis.T @ vector) ** 2 for vector in vectors])


def unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def centred(rows: np.ndarray) -> np.ndarray:
    return rows - rows.mean(axis=0)


VARIANTS = [
    ({}, lambda rows: unit(centred(rows))),
    ({"center": False}, unit),
    ({"order": "normalize-first"}, lambda rows: centred(unit(rows))),
]


@pytest.mark.parametrize(("options", "prepare"), VARIANTS, ids=["usual", "no-center", "other"])
@pytest.mark.parametrize(("name", "layer", "head"), [("L0H7", 0, 7), ("L1H2", 1, 2)])
def test_scores_are_those_of_the_formula(
    tensors: dict[str, np.ndarray], options: Any, prepare: Any, name: str, layer: int, head: int
) -> None:
    frame = headgraph.tokens("induction-2l", name, top=96, **options)
    vectors = prepare(tensors["wte.weight"])
    for role, rows in frame.groupby("role"):
        wanted = by_formula(vectors, span(tensors, layer, head, str(role)))
        assert sorted(rows["token_id"]) == list(range(96))
        np.testing.assert_allclose(rows["score"], wanted[rows["token_id"]], atol=1e-5)
        assert rows["score"].is_monotonic_decreasing
        assert rows["rank"].tolist() == list(range(1, 97))


def test_rows_and_their_order() -> None:
    frame = headgraph.tokens("induction-2l", role="o,Q", top=2)
    assert list(frame) == ["head", "role", "rank", "token", "token_id", "score"]
    assert len(frame) == 16 * 2 * 2
    assert frame["head"].unique().tolist() == [f"L{i}H{j}" for i in range(2) for j in range(8)]
    assert frame["role"].tolist()[:4] == ["Q", "Q", "O", "O"]
    one = headgraph.tokens("induction-2l", "l1h2", role="O", top=2)
    pd.testing.assert_frame_equal(
        one, frame[(frame["head"] == "L1H2") & (frame["role"] == "O")].reset_index(drop=True)
    )


@needs_shared
def test_heads_of_a_group_share_keys_and_values() -> None:
    frame = headgraph.tokens(MODELS / "stories260K", top=3)
    tokens = frame.set_index(["role", "head", "rank"]).sort_index()["token_id"]
    for role, same in (("K", True), ("V", True), ("Q", False), ("O", False)):
        assert (tokens[role, "L2H4"].tolist() == tokens[role, "L2H5"].tolist()) == same
    raw = load_file(MODELS / "stories260K" / "model.safetensors")
    key = raw["model.layers.2.self_attn.k_proj.weight"].astype(np.float64)[16:24].T  # d x m, 3rd
    rows = unit(centred(raw["model.embed_tokens.weight"].astype(np.float64)))
    best = np.argsort(-by_formula(rows, np.linalg.svd(key, full_matrices=False)[0]))[:3]
    assert tokens["K", "L2H4"].tolist() == best.tolist()


def test_unembedding_of_an_untied_model(tmp_path: Path) -> None:
    zoo = pytest.importorskip("tests.pk_engine.zoo")
    folder = zoo.save(zoo.KINDS["llama"].build(), tmp_path)
    raw = load_file(folder / "model.safetensors")
    basis = np.linalg.svd(raw["model.layers.0.self_attn.q_proj.weight"][:8].T.astype(float),
                          full_matrices=False)[0]  # fmt: skip
    for unembed, name in ((False, "model.embed_tokens.weight"), (True, "lm_head.weight")):
        scores = by_formula(unit(centred(raw[name].astype(float))), basis)
        frame = headgraph.tokens(folder, "L0H0", role="Q", top=4, unembed=unembed)
        assert frame["token_id"].tolist() == np.argsort(-scores)[:4].tolist()
        assert frame["token"].tolist() == [f"[{number}]" for number in frame["token_id"]]


@needs_shared
def test_where_there_is_no_embedding_it_says_so() -> None:
    with pytest.raises(WeightsError, match="expected a whole checkpoint, not the attention alone"):
        headgraph.tokens(GPT2, "L4H7")


@pytest.mark.parametrize(
    ("options", "kind", "words"),
    [
        ({"head": "L2H0"}, UnknownHead, "has no head L2H0: its 2 layers of 8 heads are L0H0 to"),
        ({"head": "nine"}, BadName, "'nine' is not a head"),
        ({"role": "Q,Z"}, AnalysisError, "role=Q,Z: expected some of Q, K, V, O, such as Q,O"),
        ({"role": ""}, AnalysisError, "expected some of Q"),
        ({"top": 0}, AnalysisError, "top=0: expected a whole number of at least 1"),
        ({"order": "x"}, AnalysisError, "order='x': expected center-first or normalize-first"),
    ],
)
def test_what_cannot_be_asked(options: Any, kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words):
        headgraph.tokens("induction-2l", **options)


def test_the_command_prints_what_the_function_returns() -> None:
    args = ["tokens", "induction-2l", "L1H2", "--role", "V", "--top", "2", "--no-center"]
    done = CliRunner().invoke(cli.headgraph, [*args, "--format", "jsonl"], catch_exceptions=False)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    frame = headgraph.tokens("induction-2l", "L1H2", role="V", top=2, center=False)
    assert [row["token"] for row in rows] == frame["token"].tolist()
    assert [row["score"] for row in rows] == pytest.approx(frame["score"].tolist())


# what tokens are called ---------------------------------------------------------------------


@pytest.mark.parametrize("name", ["stories260K", "babyllama-361", "slm-4096"])
@needs_shared
def test_texts_are_those_of_the_tokenizers_library(name: str) -> None:
    library = pytest.importorskip("tokenizers", reason="the tokenizers library as an oracle")
    oracle = library.Tokenizer.from_file(str(MODELS / name / "tokenizer.json"))
    texts = vocabulary(MODELS / name, oracle.get_vocab_size() + 1)
    assert texts is not None
    assert texts[-1] == f"[{len(texts) - 1}]", "an id beyond the vocabulary"
    special = {t["id"] for t in json.loads(oracle.to_str())["added_tokens"]}
    # a first token loses its space there, so each is decoded behind another
    before = next(i for i, text in enumerate(texts) if text.isalpha() and i not in special)
    for number, text in enumerate(texts[:-1]):
        if number in special or text.startswith("<0x"):
            continue  # a byte that is no letter by itself has no text
        assert oracle.decode([before, number]) == texts[before] + text


def test_byte_level_pieces_unigrams_and_what_is_no_tokenizer(tmp_path: Path) -> None:
    library = pytest.importorskip("tokenizers", reason="the tokenizers library as an oracle")
    from tokenizers import decoders, models, pre_tokenizers, trainers

    oracle = library.Tokenizer(models.BPE())
    oracle.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    oracle.decoder = decoders.ByteLevel()
    letters = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=400, initial_alphabet=letters, show_progress=False)
    oracle.train_from_iterator(["the cat, the naïve café\nthe end 東京"] * 4, trainer)
    oracle.save(str(tmp_path / "tokenizer.json"))
    texts = vocabulary(tmp_path, oracle.get_vocab_size())
    assert texts is not None
    decoded = [oracle.decode([number]) for number in range(len(texts))]
    whole = [number for number, text in enumerate(decoded) if "\ufffd" not in text]
    assert len(whole) > 140
    assert [texts[number] for number in whole] == [decoded[number] for number in whole]
    assert " the" in texts
    (tmp_path / "tokenizer.json").write_text(
        json.dumps({"model": {"type": "Unigram", "vocab": [["<unk>", 0.0], ["▁a", -1.5]]}})
    )
    assert vocabulary(tmp_path, 3) == ["<unk>", " a", "[2]"]
    for text in ("{", "[]", '{"model": {}}', '{"model": {"vocab": 3}}'):
        (tmp_path / "tokenizer.json").write_text(text)
        assert vocabulary(tmp_path, 3) is None
