"""GGUF files made by hand that are no models, or lie about their sizes, are refused."""

import json
import struct
from pathlib import Path

import pytest

from headgraph.pk_engine.models.weights import ModelWeights
from tests.pk_engine.checkpoints import LLAMA_CONFIG, llama_tensors, save
from tests.sentences import refused

gguf = pytest.importorskip("gguf", reason="it reads the files")

UINT32, STRING, ARRAY = 4, 8, 9
F32, F64 = 0, 28
NAMES = [f"blk.0.attn_{name}.weight" for name in ("q", "k", "v", "output")]


def text(words: str) -> bytes:
    return struct.pack("<Q", len(words)) + words.encode()


def setting(key: str, kind: int, value: bytes) -> bytes:
    return text(key) + struct.pack("<I", kind) + value


def number(key: str, value: int) -> bytes:
    return setting(key, UINT32, struct.pack("<I", value))


def tensor(name: str, sizes: tuple[int, ...] = (4, 4), kind: int = F32, start: int = 0) -> bytes:
    stored = struct.pack(f"<I{len(sizes)}Q", len(sizes), *sizes)
    return text(name) + stored + struct.pack("<IQ", kind, start)


SETTINGS = [
    setting("general.architecture", STRING, text("llama")),
    number("llama.block_count", 1),
    number("llama.embedding_length", 4),
    number("llama.attention.head_count", 2),
]
TENSORS = [tensor(name) for name in NAMES]


def write(path: Path, settings: list[bytes], tensors: list[bytes], version: int = 3) -> Path:
    """A file whose numbers are all ones."""
    counts = struct.pack("<IQQ", version, len(tensors), len(settings))
    head = b"GGUF" + counts + b"".join(settings + tensors)
    ones = struct.pack("<16f", *[1] * 16)
    path.write_bytes(head + bytes(-len(head) % 32) + ones + struct.pack("<16d", *[1] * 16))
    return path


def test_a_file_by_hand_is_read(tmp_path: Path) -> None:
    layer = ModelWeights(write(tmp_path / "m.gguf", SETTINGS, TENSORS)).raw_layer(0)
    assert all((matrix == 1).all() for matrix in layer.values())


UNKNOWN = "it is damaged, or of a version that the gguf package does not read"
LISTS = struct.pack("<IQ", ARRAY, 1) * 5000
WIDE = struct.pack("<IQ", ARRAY, 2**40) + struct.pack("<IQ", ARRAY, 0) * 10_000


@pytest.mark.parametrize(
    ("settings", "tensors", "said"),
    [
        (SETTINGS, [*TENSORS, TENSORS[0]], UNKNOWN),
        ([*SETTINGS, SETTINGS[0]], TENSORS, UNKNOWN),
        (SETTINGS, [*TENSORS[:3], tensor(NAMES[3], start=2**20)], "it ends too early"),
        (SETTINGS, [*TENSORS[:3], tensor(NAMES[3], start=2**64 - 64)], "lies outside of the data"),
        (SETTINGS, [*TENSORS[:3], tensor(NAMES[3], (2**63, 4))], UNKNOWN),
        (SETTINGS, [*TENSORS[:3], tensor(NAMES[3], (4, 0))], "has the shape (0, 4)"),
        (SETTINGS, [*TENSORS[:3], tensor(NAMES[3], kind=4)], UNKNOWN),
        (SETTINGS, [*TENSORS[:3], tensor(NAMES[3], kind=24)], "is stored as I8: expected"),
        ([*SETTINGS, number("general.alignment", 3)], TENSORS, UNKNOWN),
        ([*SETTINGS, number("general.alignment", 2**31)], TENSORS, "it ends too early"),
        ([*SETTINGS, setting("x", ARRAY, LISTS)], TENSORS, "a list of lists"),
        ([*SETTINGS, setting("x", ARRAY, WIDE)], TENSORS, "a list of lists"),
        ([*SETTINGS, setting("x", ARRAY, struct.pack("<IQ", STRING, 2**62))], TENSORS, "too early"),
        ([*SETTINGS, setting("x", ARRAY, struct.pack("<IQ", UINT32, 2**62))], TENSORS, "too early"),
        ([*SETTINGS, *(number(f"k{i}", 1) for i in range(2**16))], TENSORS, "settings: expected"),
        (SETTINGS, [tensor(f"t{i}", (1,)) for i in range(2**16 + 1)], "tensors: expected at most"),
    ],
    ids=range(16),
)
def test_files_that_lie(
    tmp_path: Path, settings: list[bytes], tensors: list[bytes], said: str
) -> None:
    path = write(tmp_path / "m.gguf", settings, tensors)
    assert said in refused(lambda: ModelWeights(path))


@pytest.mark.parametrize("version", [0, 1, 4, 2**32 - 1])
def test_versions(tmp_path: Path, version: int) -> None:
    path = write(tmp_path / "m.gguf", SETTINGS, TENSORS, version)
    said = refused(lambda: ModelWeights(path))
    assert f"({UNKNOWN}): fetch or convert it again" in said


@pytest.mark.parametrize("place", [8, 16], ids=["tensors", "settings"])
@pytest.mark.parametrize("count", [2**31, 2**63, 2**64 - 1])
def test_counts_beyond_the_file(tmp_path: Path, place: int, count: int) -> None:
    path = write(tmp_path / "m.gguf", SETTINGS, TENSORS)
    data = path.read_bytes()
    path.write_bytes(data[:place] + struct.pack("<Q", count) + data[place + 8 :])
    assert "(it ends too early): fetch or convert it again" in refused(lambda: ModelWeights(path))


def test_the_last_byte_is_missing(tmp_path: Path) -> None:
    path = write(tmp_path / "m.gguf", SETTINGS, [*TENSORS, tensor("last", (16,), F64, 64)])
    assert ModelWeights(path).origin == {"format": "GGUF (llama)"}
    path.write_bytes(path.read_bytes()[:-1])
    assert "(it ends too early)" in refused(lambda: ModelWeights(path))


def test_the_other_byte_order(tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    writer = gguf.GGUFWriter(path, "llama", endianess=gguf.GGUFEndian.BIG)
    writer.add_block_count(1)
    writer.add_token_list(["a", "b"])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    said = refused(lambda: ModelWeights(path))
    assert "(its byte order is the other one): fetch or convert it again" in said


@pytest.mark.parametrize("kind", ["adapter", "mmproj", "imatrix"])
def test_files_of_other_types(tmp_path: Path, kind: str) -> None:
    path = write(tmp_path / "m.gguf", [setting("general.type", STRING, text(kind))], TENSORS)
    said = refused(lambda: ModelWeights(path))
    assert f"general.type = '{kind}': expected 'model'; give the GGUF file of the model" in said
    ours = [*SETTINGS, setting("general.type", STRING, text("model"))]
    assert ModelWeights(write(path, ours, TENSORS)).name == "m"


def test_float64_is_not_called_quantised(tmp_path: Path) -> None:
    tensors = [tensor(name, kind=F64, start=64) for name in NAMES]
    assert ModelWeights(write(tmp_path / "m.gguf", SETTINGS, tensors)).origin == {
        "format": "GGUF (llama)"
    }


def test_parts_that_hold_one_tensor_twice(tmp_path: Path) -> None:
    first = write(tmp_path / "m-00001-of-00002.gguf", SETTINGS, TENSORS)
    write(tmp_path / "m-00002-of-00002.gguf", [], TENSORS[:1])
    said = refused(lambda: ModelWeights(first))
    assert said.endswith("hold the same tensor: fetch the parts of one file")


@pytest.mark.parametrize("name", ["m-00000-of-00000.gguf", "m-00003-of-00002.gguf", "M.GGUF"])
def test_names_that_are_no_parts(tmp_path: Path, name: str) -> None:
    write(tmp_path / name, SETTINGS, TENSORS)
    assert ModelWeights(tmp_path / name).shape == ModelWeights(tmp_path).shape


def test_a_folder_whose_name_ends_as_a_file(tmp_path: Path) -> None:
    folder = save(tmp_path / "model.gguf", llama_tensors(), LLAMA_CONFIG)
    assert ModelWeights(folder).family.name == "llama"
    assert json.loads((folder / "config.json").read_text()) == LLAMA_CONFIG
