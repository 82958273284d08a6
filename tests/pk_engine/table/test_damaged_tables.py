"""A damaged or hostile file of scores is refused with a sentence, before it costs memory."""

import json
import os
import random
import re
import socket
import struct
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from headgraph.pk_engine import AffinityTable
from headgraph.pk_engine.bundled import table_path
from headgraph.pk_engine.errors import TableError
from headgraph.pk_engine.table._parquet import ROWS_PER_BYTE
from headgraph.pk_engine.table.meta import FORMAT_VERSION
from tests import sentences
from tests.tables import random_table

REAL = table_path("gpt2-small")


def with_metadata(path: Path, change: dict[str, Any]) -> Path:
    """A table whose metadata somebody has edited, and that therefore has no hash."""
    arrow = pq.read_table(random_table().write(path, force=True))
    meta = json.loads(arrow.schema.metadata[b"headgraph"]) | change
    pq.write_table(arrow.replace_schema_metadata({"headgraph": json.dumps(meta)}), path)
    return path


def refused(path: Path) -> str:
    return sentences.refused(lambda: AffinityTable.read(path), TableError, path)


def outcomes(whole: bytes, places: Iterator[int], path: Path) -> dict[str, int]:
    """How many files, with one bit turned each, are refused, and how many give the same table."""
    path.write_bytes(whole)
    sha256, found = AffinityTable.read(path).sha256, {"refused": 0, "the same": 0}
    for place in places:
        damaged = bytearray(whole)
        damaged[place // 8] ^= 1 << place % 8
        path.write_bytes(damaged)
        try:
            table = AffinityTable.read(path)
        except TableError:
            found["refused"] += 1
        else:
            assert table.sha256 == sha256, f"bit {place} changes the table unnoticed"
            found["the same"] += 1
    return found


def test_a_bit_turned_anywhere_never_changes_a_table_unnoticed(tmp_path: Path) -> None:
    path = random_table(8, 8, metrics=("pk", "cs"), format_2=True).write(tmp_path / "t.parquet")
    whole, rng = path.read_bytes(), random.Random(0)
    found = outcomes(whole, (rng.randrange(8 * len(whole)) for _ in range(300)), path)
    assert found["refused"] > 290, "nearly all of this file is values"


def test_nor_does_a_bit_turned_in_headers_and_footer(tmp_path: Path) -> None:
    path = random_table(2, 2, metrics=("pk", "cs")).write(tmp_path / "t.parquet")
    whole, rng = path.read_bytes(), random.Random(1)
    found = outcomes(whole, (rng.randrange(8 * len(whole)) for _ in range(1200)), path)
    assert found["refused"] > found["the same"] > 0, "names of columns are in the footer thrice"


def test_a_table_without_a_hash_is_read(tmp_path: Path) -> None:
    table = random_table()
    path = table.write(tmp_path / "t.parquet")
    arrow = pq.read_table(path)
    metadata = dict(arrow.schema.metadata)
    del metadata[b"headgraph.sha256"]
    pq.write_table(arrow.replace_schema_metadata(metadata), path)
    assert AffinityTable.read(path).sha256 == table.sha256


def test_the_hash_in_the_file_is_the_tables(tmp_path: Path) -> None:
    for path in (REAL, random_table().write(tmp_path / "t.parquet")):
        metadata = pq.read_schema(path).metadata
        assert metadata[b"headgraph.sha256"].decode() == AffinityTable.read(path).sha256


def test_a_changed_score_is_reported(tmp_path: Path) -> None:
    path = random_table().write(tmp_path / "t.parquet")
    arrow = pq.read_table(path)
    z = arrow.column("z").to_numpy().copy()
    z[5] += 0.25
    place = arrow.column_names.index("z")
    changed = arrow.set_column(place, "z", [z])
    pq.write_table(changed.replace_schema_metadata(arrow.schema.metadata), path)
    assert "its values are not those that were written: copy it again" in refused(path)


def varint(number: int) -> bytes:
    """A whole number as Parquet's footer has it."""
    number, found = 2 * number, b""
    while number > 127:
        found, number = found + bytes([number % 128 + 128]), number // 128
    return found + bytes([number])


def claiming(rows: int, places: slice) -> bytes:
    """The real table whose footer claims other numbers of rows in some of its places."""
    whole, count = REAL.read_bytes(), varint(AffinityTable.read(REAL).columns["pk"].size)
    length = struct.unpack("<I", whole[-8:-4])[0]
    parts = whole[-8 - length : -8].split(count)
    chosen = range(len(parts) - 1)[places]
    footer = b"".join(
        part + (b"" if at == len(parts) - 1 else varint(rows) if at in chosen else count)
        for at, part in enumerate(parts)
    )
    return whole[: -8 - length] + footer + struct.pack("<I", len(footer)) + whole[-4:]


def test_no_table_has_as_many_rows_as_bytes(tmp_path: Path) -> None:
    given = random_table(24, 24, pairings=("OQ",))
    columns = given.columns | {
        name: given.columns[name] * 0 for name in ("pk", "pk_normalized", "z")
    }
    columns["pk_rank"] = np.arange(1, len(given) + 1)
    path = AffinityTable(columns, given.meta).write(tmp_path / "t.parquet")
    assert path.stat().st_size > 2 * ROWS_PER_BYTE * len(given), "nothing compresses better"
    assert len(AffinityTable.read(path)) == len(given)


READ = """
import os, re, sys
from pathlib import Path
import pyarrow.parquet
from headgraph.pk_engine import AffinityTable
from headgraph.pk_engine.errors import TableError
for line in sys.stdin:
    if os.fork():
        status = os.waitstatus_to_exitcode(os.wait()[1])
        print("ended", status, flush=True)
        continue
    try:
        print(AffinityTable.read(line.rstrip("\\n")).sha256)
    except TableError as error:
        print(error)
    # not ru_maxrss, which begins with the memory of the process that started this one
    print(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1], flush=True)
    os._exit(0)
"""


class Reader:
    """A process with all modules that a read needs; each table is read by a child of its own."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process

    def read(self, path: Path) -> tuple[str, int]:
        """What a new process says of a table, and its peak of memory in KiB."""
        assert self.process.stdin
        assert self.process.stdout
        print(path, file=self.process.stdin, flush=True)
        *answer, ended = _until("ended ", self.process.stdout)
        assert ended == "ended 0"
        said, peak = answer
        return said, int(peak)


def _until(start: str, lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        yield line.rstrip("\n")
        if line.startswith(start):
            return


@pytest.fixture(scope="module")
def reader() -> Iterator[Reader]:
    with subprocess.Popen(
        [sys.executable, "-c", READ], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield Reader(process)


@pytest.fixture(scope="module")
def usual_read(reader: Reader) -> tuple[str, int]:
    """Hash and memory of a read of the real table."""
    return reader.read(REAL)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is read from /proc")
@pytest.mark.parametrize("places", [slice(0, 1), slice(1, None), slice(None)])
def test_a_footer_that_claims_300_million_rows_costs_no_memory(
    tmp_path: Path, reader: Reader, usual_read: tuple[str, int], places: slice
) -> None:
    path = tmp_path / "t.parquet"
    path.write_bytes(claiming(300_000_000, places))
    sha256, usual = usual_read
    said, peak = reader.read(path)
    # what it claims for a column is not believed either, and the values are those of the hash
    assert said.startswith(f"{path} is damaged") or said == sha256
    assert peak < usual + 50_000


ROWS = 1000


def with_column(path: Path, name: str, values: Any) -> Path:
    """A table in which one column is something else, that has no hash."""
    arrow = pq.read_table(REAL)[:ROWS]
    place = arrow.schema.get_field_index(name)
    arrow = (
        arrow.set_column(place, name, values) if place >= 0 else arrow.append_column(name, values)
    )
    meta = {"headgraph": arrow.schema.metadata[b"headgraph"]}
    pq.write_table(arrow.replace_schema_metadata(meta), path, compression="zstd")
    return path


ODD = {
    "one long text": ("pairing", pa.array(["x" * 300_000]), "a pairing of 300,000 characters"),
    "a longer one": ("pairing", pa.array(["x" * 3_000_000]), "its 1,000 rows take 3,0"),
    "long texts in few rows": ("pairing", pa.array(["xy" * 60]), "a pairing of 120 characters"),
    "lists": ("pairing", pa.array([["OQ"]]), "its column pairing has the type list"),
    "numbers": ("pairing", pa.array([1]), "its column pairing has the type int64"),
    "long lists": ("pk", pa.array([[0.0] * 20_000]), "its column pk has the type list"),
    "texts": ("pk_rank", pa.array(["1"]), "its column pk_rank has the type"),
    "another": ("more", pa.array([[0.0] * 20_000]), "missing nothing, unexpected more"),
}


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is read from /proc")
@pytest.mark.parametrize("kind", ODD)
def test_a_column_of_another_kind_costs_no_memory(
    tmp_path: Path, reader: Reader, usual_read: tuple[str, int], kind: str
) -> None:
    name, word, message = ODD[kind]
    column = pa.DictionaryArray.from_arrays(np.zeros(ROWS, np.int32), word)
    values = word.take(np.zeros(ROWS, np.int32)) if pa.types.is_nested(word.type) else column
    path = with_column(tmp_path / "t.parquet", name, values)
    assert path.stat().st_size < 100_000
    _, usual = usual_read
    said, peak = reader.read(path)
    assert message in said
    assert peak < usual + 100_000


TYPES = [
    ({"n_layers": 10**9}, "n_layers = 1000000000: expected at most 1,024"),
    ({"n_layers": 1000, "n_heads": 1000, "n_kv_heads": 1}, "expected at most 65,536 heads"),
    ({"n_layers": 10**30}, "expected a positive integer"),
    ({"n_layers": 2.5}, "n_layers = 2.5: expected a positive integer"),
    ({"n_layers": True}, "n_layers = True: expected a positive integer"),
    ({"model": 7}, "model = 7: expected a text"),
    ({"model": ["a"]}, "expected a text"),
    ({"model": "\ud800"}, "expected a text"),
    ({"revision": 7}, "expected a text or null"),
    ({"family": None}, "family = None: expected a text"),
    ({"fold_ln": "yes"}, "fold_ln = 'yes': expected true or false"),
    ({"layer_order": {}}, "expected a text"),
    ({"layer_order": "up"}, "layer_order = 'up': expected forward or all or within"),
    ({"kv": "both"}, "kv = 'both': expected native or expand"),
    ({"pairings": "OQ"}, "pairings = 'OQ': expected a list of texts"),
    ({"pairings": [["OQ"]]}, "expected a list of texts"),
    ({"metrics": [1]}, "expected a list of texts"),
    ({"metrics": ["pk", "none"]}, "missing none, unexpected nothing"),
    ({"metrics": ["pk", "a" * 5000]}, "missing .* unexpected"),
    ({"selection": ["top"]}, "expected a list of rules"),
    ({"selection": [{"top": "many"}]}, "expected a list of rules"),
    ({"selection": [{"topmost": 5}]}, "expected a list of rules"),
    ({"selection": [{"min_pk": "x"}]}, "expected a list of rules"),
    ({"selection": [{"null": 3, "fdr": 0.1}]}, "expected a list of rules"),
    ({"scored": {"OQ": "a", "OK": 1, "OV": 1}}, "expected a count of pairs"),
    ({"scored": {"OQ": -1, "OK": 1, "OV": 1}}, "expected a count of pairs"),
    ({"scored": {"OQ": 10**9, "OK": 96, "OV": 96}}, "expected at most 256"),
    ({"moments": {"OQ": 1}}, "expected mean and sd for each pairing"),
    ({"moments": {"OQ": {"mean": float("nan"), "sd": 1}}}, "expected mean and sd"),
    ({"moments": {}}, r"moments of \[\]: expected those of \['OQ', 'OK', 'OV'\]"),
    ({"nulls": []}, "expected an object with some of isotropic"),
    ({"nulls": {"isotropic": 3}}, "expected an object with some of isotropic"),
    ({"nulls": {"none": {}}}, "expected an object with some of isotropic"),
    ({"deficient": [3]}, "expected a list of objects with layer, head, role and rank"),
    ({"step": "late"}, "step = 'late': expected a number or null"),
    ({"step": float("inf")}, "expected a number or null"),
    ({"series": 4}, "expected a text or null"),
    ({"version": 1}, "expected a text"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "message"), TYPES)
def test_metadata_of_a_wrong_type_or_size(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    path = with_metadata(tmp_path / "t.parquet", change)
    with pytest.raises(TableError, match=message):
        AffinityTable.read(path)
    refused(path)


@pytest.mark.parametrize("depth", [100, 900, 950, 975, 990, 100_000])
def test_metadata_that_are_nested_deeply(tmp_path: Path, depth: int) -> None:
    path = random_table().write(tmp_path / "t.parquet")
    arrow = pq.read_table(path)
    text = arrow.schema.metadata[b"headgraph"].decode()
    deep = text.replace('"model": "test/random"', f'"model": {"[" * depth}{"]" * depth}')
    pq.write_table(arrow.replace_schema_metadata({"headgraph": deep}), path)
    refused(path)


def test_a_newer_format_is_refused_by_its_name(tmp_path: Path) -> None:
    path = with_metadata(
        tmp_path / "t.parquet", {"format": FORMAT_VERSION + 1, "version": "9.1", "flows": {}}
    )
    assert (
        f"it is in table format {FORMAT_VERSION + 1}, written by headgraph '9.1', and this "
        f"headgraph reads formats up to {FORMAT_VERSION}: upgrade headgraph"
    ) in refused(path)


def test_whole_metadata_come_back(tmp_path: Path) -> None:
    given = random_table(3, 4, 2, kv="expand")
    deficient = [{"layer": 0, "head": 1, "role": "Q", "rank": 0}]
    entry = {"seed": 0, "samples": None, "values": dict.fromkeys(given.meta.pairings, 3),
             "moments": given.meta.moments}  # fmt: skip
    meta = replace(given.meta, revision="a" * 40, series="s", step=2, deficient=deficient)
    with_null = replace(meta, nulls={"isotropic": entry})
    columns = given.columns | {f"{kind}_isotropic": given.columns["pk"] * 0 for kind in "zpq"}
    for table in (AffinityTable(given.columns, meta), AffinityTable(columns, with_null)):
        again = AffinityTable.read(table.write(tmp_path / "t.parquet", force=True))
        assert (again.meta, again.sha256) == (table.meta, table.sha256)


def test_special_files_are_named_and_never_block(tmp_path: Path) -> None:
    pipe, link, loop = tmp_path / "pipe.parquet", tmp_path / "link", tmp_path / "loop"
    os.mkfifo(pipe)
    link.symlink_to(pipe)
    loop.symlink_to(loop)
    with socket.socket(socket.AF_UNIX) as end:
        end.bind(str(tmp_path / "s"))
        assert "is a socket: expected a file" in refused(tmp_path / "s")
    assert "is a pipe: expected a file that headgraph.compute made" in refused(pipe)
    assert "is a pipe: expected a file" in refused(link)
    assert "is a device: expected a file" in refused(Path("/dev/zero"))
    assert "cannot be read: Too many levels of symbolic links" in refused(loop)
    assert "cannot be read: File name too long" in refused(tmp_path / ("n" * 300))
    said = refused(Path("nul\0.parquet"))  # in the words of each Python
    assert re.search(r"cannot be read: .*embedded null (byte|character)", said)
    assert "no file" in refused(Path("~nosuchuser/t.parquet"))


def test_a_folder_whose_name_is_not_utf_8(tmp_path: Path) -> None:
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff"))
    folder.mkdir()
    path = random_table().write(folder / "t.parquet")
    assert len(AffinityTable.read(path)) > 0
    path.write_text("no table")
    with pytest.raises(TableError, match=r"\\udcff/t\.parquet' is no Parquet file"):
        AffinityTable.read(path)
