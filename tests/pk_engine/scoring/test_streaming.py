"""However little memory there is, the table is the same; what is held is what can still be kept."""

import contextlib
import tracemalloc
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from headgraph.pk_engine import Selection, compute
from headgraph.pk_engine.errors import EngineError
from headgraph.pk_engine.metrics.layer_order import layer_groups, pairs_of
from headgraph.pk_engine.models.shape import ModelShape
from headgraph.pk_engine.scoring.top_k import Keeper
from tests.pk_engine.checkpoints import LLAMA_CONFIG, llama_tensors, save
from tests.shared import MODELS, needs_shared

RULES = [
    Selection(),
    Selection(top=7),
    Selection(top_percent=3),
    Selection(min_pk=1.5),
    Selection(min_z=2.0),
    Selection(top_per_target=2),
    Selection(top_per_target=2, min_z=1.0),
    Selection(top=40, min_z=1.0, top_per_target=1),
]


@needs_shared
@pytest.mark.parametrize("rule", RULES, ids=Selection.describe)
def test_groups_of_layers_give_the_table_of_all_layers(rule: Selection) -> None:
    options = {"metrics": ["pk", "cs", "cka"], "selection": rule, "pairings": "OQ,OK"}
    whole = compute(MODELS / "stories260K", **options)
    pieces = compute(MODELS / "stories260K", memory=1e-9, **options)
    assert pieces.meta.scored == whole.meta.scored
    assert pieces.meta.fingerprint == whole.meta.fingerprint
    keys = ["pairing", "source_layer", "source_head", "target_layer", "target_head"]
    a, b = (table.frame.sort_values(keys, ignore_index=True) for table in (whole, pieces))
    # a rounding error moves a few pairs over the threshold of a count
    for name, error in (("decoys", 4), ("decoy_q", 0.02)):
        pd.testing.assert_series_equal(a.pop(name), b.pop(name), atol=error)
    pd.testing.assert_frame_equal(a, b, check_exact=False, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("order", ["forward", "all", "within"])
def test_groups_with_deficient_heads_and_every_layer_order(tmp_path: Path, order: str) -> None:
    tensors = llama_tensors()
    tensors["model.layers.1.self_attn.k_proj.weight"][:4] = 0  # K head 0 of layer 1
    tensors["model.layers.0.self_attn.o_proj.weight"][:, 1] = 0  # O of layer 0, head 0
    folder = save(tmp_path, tensors, LLAMA_CONFIG)
    tables = [
        compute(folder, pairings="OK,KK", layer_order=order, memory=m, selection=Selection())
        for m in (2.0, 1e-9)
    ]
    assert tables[0].meta.scored == tables[1].meta.scored
    seen = [{tuple(d.items()) for d in table.meta.deficient} for table in tables]
    assert seen[0] >= seen[1], "a layer that no pair needs is not factored"
    pd.testing.assert_frame_equal(tables[0].frame, tables[1].frame, atol=1e-5)


@pytest.mark.parametrize("rule", RULES, ids=Selection.describe)
def test_one_layer_has_no_pair_however_little_memory_there_is(
    tmp_path: Path, rule: Selection
) -> None:
    folder = save(tmp_path, llama_tensors(), LLAMA_CONFIG | {"num_hidden_layers": 1})
    whole, pieces = (compute(folder, memory=m, selection=rule) for m in (2.0, 1e-9))
    assert len(whole) == 0
    assert pieces.sha256 == whole.sha256


@pytest.mark.parametrize("order", ["forward", "all", "within"])
@pytest.mark.parametrize("memory", [1e-9, 2e-6, 1e-5, 1.0])
def test_groups_cover_every_pair_of_layers_once(order: str, memory: float) -> None:
    shape = ModelShape(n_layers=7, n_heads=4, n_kv_heads=2, d_model=16, d_head=4)
    groups = layer_groups(shape, "O", "QKV", order, bytes_per_value=4, memory=memory)
    met = np.zeros((7, 7), int)
    for group in groups:
        part = pairs_of(group.sources, group.targets, 1, 1, order)
        met[group.sources.start : group.sources.stop, group.targets.start : group.targets.stop] += (
            part
        )
    assert (met == pairs_of(range(7), range(7), 1, 1, order)).all()


def test_a_7b_model_fits_the_memory_that_was_given() -> None:
    shape = ModelShape(n_layers=32, n_heads=32, n_kv_heads=32, d_model=4096, d_head=128)
    for group in layer_groups(shape, "O", "QKV", "forward", bytes_per_value=4, memory=2.0):
        heads = 32 * len(group.sources) + 96 * len(group.targets)
        assert heads * 4096 * 128 * 4 <= 2e9


def offered(keeper: Keeper, pk: np.ndarray, parts: int) -> pd.DataFrame:
    n, k = pk.shape
    for rows in np.array_split(np.arange(n), parts):
        i, j = (a.ravel() for a in np.meshgrid(rows, np.arange(k), indexing="ij"))
        values = pk[i, j].astype(np.float32)
        keeper.offer({"source": i, "target": j, "pk": values, "z": values - 1})
    return pd.DataFrame(keeper.finish())


@pytest.mark.parametrize("rule", RULES, ids=Selection.describe)
def test_places_are_those_of_ranking_everything(rule: Selection) -> None:
    rng = np.random.default_rng(0)
    pk = rng.permutation(60 * 50).reshape(60, 50) / 1000  # no two alike
    frame = offered(Keeper(rule, pk.size), pk, 7)
    order = np.argsort(-pk.ravel())
    place = np.empty(pk.size, int)
    place[order] = np.arange(1, pk.size + 1)
    assert (frame["pk_rank"] == place[frame["source"] * 50 + frame["target"]]).all()
    assert frame["pk_rank"].is_monotonic_increasing


@pytest.mark.parametrize("rule", RULES, ids=Selection.describe)
@pytest.mark.parametrize("parts", [1, 4, 40])
def test_ties_and_unequal_ranks_give_the_same_rows_in_whatever_blocks(
    monkeypatch: pytest.MonkeyPatch, rule: Selection, parts: int
) -> None:
    monkeypatch.setattr("headgraph.pk_engine.scoring.top_k.SPARE", 50)
    monkeypatch.setattr("headgraph.pk_engine.scoring.top_k.AT_ONCE", 97)
    rng = np.random.default_rng(parts)
    i, j = (a.ravel() for a in np.meshgrid(np.arange(40), np.arange(30), indexing="ij"))
    pk = (rng.integers(0, 25, i.size) / 10).astype(np.float32)  # each value some 48 times
    weak = (i % 5 == 0) | (j % 7 == 0)  # pairs of lower rank stand out at a lower PK
    everything = {"source": i, "target": j, "pk": pk, "z": np.where(weak, 4 * pk, pk + 0.1)}
    ranked = pd.DataFrame(everything).sort_values(
        ["pk", "source", "target"], ascending=[False, True, True], ignore_index=True
    )
    ranked["pk_rank"] = np.arange(1, len(ranked) + 1)
    keeper = Keeper(rule, len(pk))
    for at in np.array_split(rng.permutation(len(pk)), parts):
        keeper.offer({name: values[at] for name, values in everything.items()})
        again = Keeper(rule, len(pk))  # as if the work had stopped here
        again.include({name: values.copy() for name, values in keeper.state().items()},
                      keeper.scored)  # fmt: skip
        keeper.close()
        keeper = again
    found = [_chosen(frame, rule) for frame in (pd.DataFrame(keeper.finish()), ranked)]
    assert len(found[1]), "a rule that keeps nothing would show nothing"
    pd.testing.assert_frame_equal(found[0], found[1], check_dtype=False)


def _chosen(frame: pd.DataFrame, rule: Selection) -> pd.DataFrame:
    """What a table would show of these rows: the rules by their definition."""
    keep = frame["pk_rank"] <= rule.limit(40 * 30)
    if rule.min_pk is not None:
        keep &= frame["pk"] >= np.float32(rule.min_pk)
    if rule.min_z is not None:
        keep &= frame["z"] >= rule.min_z
    if rule.top_per_target is not None:
        keep &= frame.groupby("target")["pk_rank"].rank() <= rule.top_per_target
    columns = ["source", "target", "pk", "z", "pk_rank"]
    return frame.loc[keep, columns].reset_index(drop=True)


@pytest.mark.parametrize("rule", [Selection(top_per_target=2), Selection(min_z=0.999)])
def test_of_pairs_that_cannot_be_kept_memory_holds_none(rule: Selection) -> None:
    rng = np.random.default_rng(0)
    keeper, columns = Keeper(rule, 20 * 100_000), np.arange(100_000)
    tracemalloc.start()
    for part in range(20):
        values = rng.random(100_000).astype(np.float32)
        keeper.offer({"source": columns // 50 + part * 2_000, "target": columns % 50,
                      "pk": values, "z": values})  # fmt: skip
        if part == 1:
            early = tracemalloc.get_traced_memory()[0]
    late = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    # the other 1.8 million pairs would take 7 MB at 4 bytes
    assert late - early < 2e6
    assert (np.diff(keeper.finish()["pk_rank"]) > 0).all()


def test_only_what_can_still_be_kept_is_held() -> None:
    rng = np.random.default_rng(0)
    keeper = Keeper(Selection(top=100), 40 * 100_000)
    for part in range(40):
        values = rng.random(100_000).astype(np.float32)
        at = np.arange(100_000)
        keeper.offer({"source": at + part * 100_000, "target": at, "pk": values, "z": values})
        assert keeper._held <= 2 * 100 + 65_536 + 100_000
    assert keeper.scored == 4_000_000
    assert len(keeper.finish()["pk"]) >= 100


@pytest.mark.parametrize("rule", [Selection(), Selection(top=9), Selection(top_per_target=2)])
def test_the_same_call_goes_on_after_an_interruption(tmp_path: Path, rule: Selection) -> None:
    folder, partial = save(tmp_path / "model", llama_tensors(), LLAMA_CONFIG), tmp_path / "p"
    options = {"layer_order": "all", "selection": rule, "memory": 1e-9, "partial": partial}
    whole = compute(folder, **options)
    assert not partial.exists()
    assert groups_done(folder, interrupt_at=2, **options) == [0, 1, 2]
    assert partial.exists()
    assert groups_done(folder, **options) == [2, 3], "the first two of four are not done again"
    assert not partial.exists()
    groups_done(folder, interrupt_at=2, **options)
    assert compute(folder, **options).sha256 == whole.sha256


def test_an_output_beside_the_weights_is_no_part_of_the_model(tmp_path: Path) -> None:
    folder = save(tmp_path / "model", llama_tensors(), LLAMA_CONFIG)
    options = {"layer_order": "all", "memory": 1e-9, "partial": folder / "t.parquet.partial"}
    assert groups_done(folder, interrupt_at=2, **options) == [0, 1, 2]
    assert groups_done(folder, **options) == [2, 3]


@pytest.mark.parametrize(
    ("change", "said"),
    [("weights", "weights"), ("selection", "selection"), ("precision", "backend"), ("damage", "")],
)
def test_what_belongs_to_another_job_is_kept_or_with_force_replaced(
    tmp_path: Path, change: str, said: str
) -> None:
    folder, partial = save(tmp_path / "model", llama_tensors(), LLAMA_CONFIG), tmp_path / "p"
    options: dict[str, Any] = {"layer_order": "all", "memory": 1e-9, "partial": partial}
    groups_done(folder, interrupt_at=2, **options)
    left = partial.read_bytes()
    if change == "weights":
        save(folder, llama_tensors(seed=1), LLAMA_CONFIG)
    elif change == "selection":
        options["selection"] = Selection(top=2)
    elif change == "precision":
        options["dtype"] = "float64"
    else:
        partial.write_bytes(left[:-9])
    if said:
        with pytest.raises(EngineError, match=f"interrupted compute with other {said}: finish"):
            compute(folder, **options)
        assert partial.read_bytes() == left
        options["force"] = True
    assert groups_done(folder, **options) == [0, 1, 2, 3]


def groups_done(folder: Path, *, interrupt_at: int | None = None, **options: object) -> list[int]:
    """Which groups a job begins, stopped as by Ctrl-C when it begins one of them."""
    seen: list[int] = []

    def listen(what: str, done: int, total: int) -> None:
        if what == "Comparing groups of layers":
            seen.append(done)
            if done == interrupt_at:
                raise KeyboardInterrupt

    with contextlib.suppress(KeyboardInterrupt):
        compute(folder, progress=listen, **options)  # type: ignore[arg-type]
    return seen


@needs_shared
def test_a_groups_factors_are_gone_before_the_next_are_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from headgraph.pk_engine.scoring import group

    alive: list[weakref.ref[object]] = []
    held: list[int] = []
    read = group.collect

    def collect(*args: Any, **kwargs: Any) -> Any:
        held.append(sum(ref() is not None for ref in alive))
        stacks = read(*args, **kwargs)
        alive.append(weakref.ref(stacks))
        return stacks

    monkeypatch.setattr(group, "collect", collect)
    compute(MODELS / "stories260K", memory=1e-9, selection=Selection())
    # the targets stay while one group of sources after another is compared with them
    assert len(held) > 4
    assert max(held) == 1
