"""Parts of a table, scored apart by target layers, become the table of one compute."""

import errno
import hashlib
import io
import os
import re
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headgraph import read_table
from headgraph.base.errors import HeadgraphError, OutputExists
from headgraph.base.files.arrays import read_arrays, write_arrays
from headgraph.pk_engine import AffinityTable, Selection, compute, compute_part, merge
from headgraph.pk_engine.errors import EngineError, TableError
from headgraph.pk_engine.scoring.progress import RESUMED
from tests.commands import headgraph
from tests.pk_engine.checkpoints import LLAMA_CONFIG, llama_tensors, save
from tests.pk_engine.unequal_checkpoints import CONFIGS, checkpoint

APART = {"backend": "numpy", "memory": 1e-9}
"""Each layer is a group, so no part cuts one."""


def _saved(folder: Path, last_key: float = 0.0) -> Path:
    """Five layers with shared keys and values; the first key of the last one times `last_key`."""
    first = "model.layers.0.self_attn"
    tensors = {
        name.replace(first, f"model.layers.{layer}.self_attn"): values
        for layer in range(5)
        for name, values in llama_tensors(layer).items()
        if name.startswith(first)
    }
    tensors["model.layers.4.self_attn.k_proj.weight"][:4] *= last_key
    return save(folder, tensors, LLAMA_CONFIG | {"num_hidden_layers": 5})


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _saved(tmp_path_factory.mktemp("parts") / "model")


def parts(model: Path, folder: Path, *layers: str, **options: Any) -> list[Path]:
    return [compute_part(model, it, folder / f"{it}.part", **options) for it in layers]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"selection": Selection()},
        {"selection": Selection(top=7)},
        {"selection": Selection(top_percent=12.5)},
        {"selection": Selection(min_pk=0.9)},
        {"selection": Selection(min_z=0.5)},
        {"selection": Selection(top_per_target=2)},
        {"selection": Selection(max_decoy=1.1)},
        {"selection": Selection(top_percent=60, min_z=0.2, top_per_target=3, max_decoy=1.2)},
        {"kv": "expand", "pairings": "OQ,OK,KK"},
        {"metrics": "pk,cs,cka"},
        {"layer_order": "all", "pairings": "all", "metrics": "pk,max_cosine"},
        {"layer_order": "within", "pairings": "OV,QK,QQ", "selection": Selection(min_z=0.1)},
        {"decoys": False, "pairings": "OQ,VV", "selection": Selection(min_pk=1)},
        {"dtype": "float64", "name": "m"},
    ],
    ids=str,
)
def test_the_table_is_that_of_one_compute_to_the_last_bit(
    model: Path, tmp_path: Path, options: dict[str, Any]
) -> None:
    options = {"selection": Selection(top_percent=50), **APART, **options}
    whole = compute(model, **options)
    assert len(whole), "an empty table would show nothing"
    joined = merge(*parts(model, tmp_path, "4", "0", "1-3", **options))
    assert joined.sha256 == whole.sha256  # of the metadata and all values


@pytest.mark.parametrize("options", [{}, {"layer_order": "all"}, {"decoys": False}], ids=str)
def test_parts_of_a_group_differ_in_rounding_alone(
    model: Path, tmp_path: Path, options: dict[str, Any]
) -> None:
    options = {"selection": Selection(), "backend": "numpy", **options}
    whole, joined = (
        compute(model, **options),
        merge(*parts(model, tmp_path, "0-1", "2-4", **options)),
    )
    assert joined.meta == whole.meta
    order = (
        np.lexsort([whole.columns[it] for it in KEYS]),
        np.lexsort([joined.columns[it] for it in KEYS]),
    )
    for name in (*KEYS, "pk", "z", "decoys"):
        if name in whole.columns:
            mine, theirs = joined.columns[name][order[1]], whole.columns[name][order[0]]
            np.testing.assert_allclose(mine, theirs, atol=1e-5, err_msg=name)


KEYS = ("target_head", "target_layer", "source_head", "source_layer")


@pytest.mark.parametrize("name", CONFIGS)
def test_unequal_layers(tmp_path: Path, name: str) -> None:
    folder = checkpoint(tmp_path / "model", name)
    whole = compute(folder, **APART, selection=Selection(top_percent=40))
    last = whole.meta.n_layers - 1
    made = parts(folder, tmp_path, "0-1", f"2-{last}", **APART, selection=Selection(top_percent=40))
    assert merge(*made).sha256 == whole.sha256


def test_a_part_resumes_and_another_part_does_not_take_its_groups(
    model: Path, tmp_path: Path
) -> None:
    output = tmp_path / "a.part"

    def stop(what: str, done: int, total: int) -> None:
        if what == "Comparing groups of layers" and done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compute_part(model, "1-3", output, **APART, progress=stop)
    with pytest.raises(EngineError, match=r"holds the groups .* with other target layers: finish"):
        compute_part(model, "1-4", output, **APART)
    begun: list[int] = []
    compute_part(model, "1-3", output, **APART, progress=lambda what, done, total: begun.append(
        done) if what == "Comparing groups of layers" else None)  # fmt: skip
    assert begun[0] == 2
    assert list(tmp_path.iterdir()) == [output]
    rest = parts(model, tmp_path, "0", "4", **APART)
    assert merge(output, *rest).sha256 == compute(model, **APART).sha256


def test_what_is_scored_stays_until_the_part_is_written(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "a.part"

    def full(path: Path, about: Any, arrays: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("headgraph.pk_engine.scoring.parts.write_arrays", full)
        with pytest.raises(EngineError, match=r"cannot write .*a\.part: No space left"):
            compute_part(model, "1-3", output, **APART)
    assert [it.name for it in tmp_path.iterdir()] == ["a.part.partial"]
    steps: list[str] = []
    compute_part(model, "1-3", output, **APART, progress=lambda what, *_: steps.append(what))
    assert set(steps) == {RESUMED}  # nothing is read or compared again
    assert list(tmp_path.iterdir()) == [output]


def test_a_part_that_is_no_file_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.part")
    with pytest.raises(TableError, match=r"a\.part is damaged or foreign: it is a pipe, expected"):
        merge(tmp_path / "a.part")


@pytest.fixture(scope="module")
def made(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with parts that fit each other, and others; its name is long."""
    folder = tmp_path_factory.mktemp("made" + 150 * "-")
    parts(model, folder, "0-1", "2-4", "1-3", backend="numpy")
    others = {
        "dtype": {"dtype": "float64"},
        "backend": {"backend": "torch", "device": "cpu"},
        "pairings": {"pairings": "OQ"},
        "selection": {"selection": Selection(top=3)},
        "order": {"layer_order": "all"},
        "decoys": {"decoys": False},
    }
    for name, options in others.items():
        compute_part(model, "2-4", folder / f"{name}.part", **{"backend": "numpy", **options})
    tuned = _saved(folder / "tuned", last_key=1.0)
    compute_part(tuned, "2-4", folder / "weights.part", backend="numpy")
    compute(model).write(folder / "whole.parquet")
    (folder / "cut.part").write_bytes((folder / "2-4.part").read_bytes()[:-40])
    (folder / "text.part").write_text("hello\n" * 20)
    return folder


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ("0-1 1-3 2-4", "0-1.part and .*1-3.part both have target layer 1: expected parts with"),
        (
            "0-1",
            r"no part has target layers 2, 3, 4: make one with headgraph.compute_part$",
        ),
        ("0-1 backend", r"they have backend 'numpy.* and 'torch.*: expected"),
        ("0-1 dtype", "they have dtype 'float32' and 'float64': expected"),
        ("0-1 pairings", r"they have pairings \['OQ', 'OK', 'OV'\] and \['OQ'\]: expected"),
        ("0-1 selection", r"they have selection \[.*top_percent.*: expected"),
        ("0-1 order", "they have layer_order 'forward' and 'all'"),
        ("0-1 decoys", "they have decoys True and False: expected"),
        ("0-1 weights", "they have fingerprint '.*: expected"),
        ("0-1 whole.parquet", "0-1.part is a part of a table, and others are tables: expected"),
        ("0-1 cut", "cut.part is damaged, or no part of a table: copy it again, or make it again"),
        ("0-1 text", "text.part is damaged, or no part of a table"),
        ("0-1 0-1", "0-1.part and .*0-1.part both have target layer 0: expected parts with"),
        ("0-1 none", "none.part cannot be read: No such file or directory"),
    ],
)
def test_what_does_not_fit_is_named(made: Path, names: str, said: str) -> None:
    files = [made / (name if "." in name else f"{name}.part") for name in names.split()]
    with pytest.raises(TableError) as error:
        merge(*files)
    assert re.search(
        said, str(error.value).replace(".part'", ".part").replace(".parquet'", ".parquet")
    )
    assert len(str(error.value)) < 300
    assert len(error.value.message.options) < 300


ODD: dict[str, Callable[[dict[str, Any], dict[str, Any]], object]] = {
    "missing": lambda about, arrays: arrays.pop("OQ/pk"),
    "shapes": lambda about, arrays: arrays.update({"OQ/pk": np.zeros((3, 3))}),
    "types": lambda about, arrays: arrays.update({"OQ/source": np.array(["x"])}),
    "heads": lambda about, arrays: arrays.update({"OK/target": arrays["OK/target"] + 1000}),
    "head scores": lambda about, arrays: arrays.update({"head scores 2": np.zeros((2, 9))}),
    "decoys": lambda about, arrays: about.update({"decoys": ["KK"]}),
    "scored": lambda about, arrays: about.update({"scored": None}),
    "deficient": lambda about, arrays: about.update({"deficient": [1]}),
    "layers": lambda about, arrays: about.update({"target_layers": ["two", 4]}),
    "no layers": lambda about, arrays: about.pop("target_layers"),
    "meta": lambda about, arrays: about.update({"meta": "{}"}),
    "rules": lambda about, arrays: about.update(
        {"meta": about["meta"].replace('"top_percent"', '"topmost"')}
    ),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_contents_are_one_sentence(made: Path, tmp_path: Path, name: str) -> None:
    about, arrays = read_arrays(made / "2-4.part")
    ODD[name](about, arrays)
    odd = tmp_path / "odd.part"
    write_arrays(odd, about, arrays)
    with pytest.raises(HeadgraphError, match=r"odd\.part") as error:
        merge(made / "0-1.part", odd)
    assert "\n" not in str(error.value)


def test_an_array_whose_header_has_no_end_is_one_sentence(tmp_path: Path) -> None:
    """NumPy raises a TokenError for it."""
    odd, archive = tmp_path / "odd.part", io.BytesIO()
    header = b"{'descr': '<f4', 'shape': (3,\n"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr(
            "about.npy", b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header
        )
    odd.write_bytes(archive.getvalue() + hashlib.sha256(archive.getvalue()).digest())
    with pytest.raises(TableError, match=r"odd\.part is damaged, or no part of a table: copy it"):
        merge(odd)


def test_a_zip_version_that_python_does_not_know_is_one_sentence(tmp_path: Path) -> None:
    odd = tmp_path / "odd.part"
    write_arrays(odd, {}, {})
    content = bytearray(odd.read_bytes()[: -hashlib.sha256().digest_size])
    directory = content.rindex(b"PK\1\2")
    content[directory + 6] = 211  # the version needed to extract: 21.1
    odd.write_bytes(content + hashlib.sha256(content).digest())
    with pytest.raises(TableError, match=r"odd\.part is damaged, or no part of a table: copy it"):
        merge(odd)


@pytest.mark.parametrize(
    ("layers", "options", "said"),
    [
        ("3-1", {}, "target_layers='3-1': expected the first and the last layer, such as 0-5"),
        ("-1", {}, "target_layers='-1': expected"),
        ("2,3", {}, "target_layers='2,3': expected"),
        ("x" * 600, {}, r"target_layers='xxxx.{1,30}': expected the first and the last"),
        ("3-5", {}, "target_layers='3-5': the model has layers 0 to 4"),
        ("0", {"selection": Selection(fdr=0.1, null="isotropic")},
         "null='isotropic' with target_layers='0': a null model needs all pairs; leave one"),
        ("0", {"selection": Selection(max_decoy=0.1), "decoys": False}, "max_decoy=0.1: there are"),
    ],
)  # fmt: skip
def test_what_cannot_be_a_part_is_refused(
    model: Path, tmp_path: Path, layers: str, options: dict[str, Any], said: str
) -> None:
    with pytest.raises(EngineError, match=f"^{said}"):
        compute_part(model, layers, tmp_path / "a.part", **options)
    assert not list(tmp_path.iterdir())


def test_layers_without_heads_are_no_target(tmp_path: Path) -> None:
    folder = checkpoint(tmp_path / "model", "hybrid")
    with pytest.raises(EngineError, match=r"no head is in these layers; expected some of 1, 4, 7$"):
        compute_part(folder, "2-3", tmp_path / "a.part")


def test_names_of_files(model: Path, made: Path, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"a.parquet would be a part .* such as a.part$"):
        compute_part(model, "0", tmp_path / "a.parquet")
    with pytest.raises(OutputExists):
        compute_part(model, "0", made / "0-1.part")
    with pytest.raises(TypeError, match="unexpected keyword argument 'nope'"):
        compute_part(model, "0", tmp_path / "a.part", nope=1)
    with pytest.raises(HeadgraphError, match=r"has the ending \.part, and tables are Parquet"):
        compute(model, selection=Selection(top=1)).write(tmp_path / "a.part")


def _lines(part: str, folder: Path) -> Iterator[list[str]]:
    yield ["load", part, "--dry-run"]
    yield ["view", part, "-o", str(folder / "v.html")]
    yield ["figure", "heatmap", part, "-o", str(folder / "f.svg")]
    yield ["diff", part, part]
    yield ["detect", part]
    yield ["export", part, "-o", str(folder / "e.graphml")]


def test_a_part_is_not_used_as_a_table(made: Path, tmp_path: Path) -> None:
    part = str(made / "0-1.part")
    said = "is a part of a table, with only some target layers: join it with the others with"
    with pytest.raises(TableError, match=f"{said} headgraph.merge first$"):
        read_table(part)
    for line in _lines(part, tmp_path):
        done = headgraph(*line)
        assert (done.returncode, done.stdout) == (1, ""), line
        assert f"{said} headgraph merge first" in done.stderr, line
    assert not list(tmp_path.iterdir())


def test_the_commands(model: Path, tmp_path: Path) -> None:
    files = [str(tmp_path / f"{at}.part") for at in ("0-2", "3-4")]
    for at, file in zip(("0-2", "3-4"), files, strict=True):
        done = headgraph("compute", str(model), "-o", file, "--top", "5", "--target-layers", at)
        assert (done.returncode, done.stdout) == (0, f"{file}\n"), done.stderr
        assert "note: this is a part; headgraph merge joins it with the others" in done.stderr
    output = str(tmp_path / "whole.parquet")
    done = headgraph("merge", *files, "-o", output)
    assert (done.returncode, done.stdout) == (0, f"{output}\n"), done.stderr
    found, whole = AffinityTable.read(output), compute(model, selection=Selection(top=5))
    assert found.meta == whole.meta
    assert found.columns["source_layer"].tolist() == whole.columns["source_layer"].tolist()
