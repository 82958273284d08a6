"""Documents inside files, changed where the check of a whole file would hide what they cause.

A change of a Parquet file, an archive or a hash is refused before what is inside is read. These
kinds change what is inside and put it into a file that is otherwise whole.
"""

import hashlib
import io
import json
import struct
import zipfile
from functools import cache
from pathlib import Path

import numpy as np

from headgraph import compute_part, merge
from headgraph.pk_engine.table._parquet import write_columns
from headgraph.pk_engine.table.affinity import AffinityTable
from tests.pk_engine.checkpoints import LLAMA_CONFIG, llama_tensors, save
from tests.pk_engine.checkpoints import read as read_layers
from tests.tables import random_table

HASH = 32
"""Bytes of the hash at the end of a part."""


def header(folder: Path) -> Path:
    """The JSON at the front of a safetensors file."""
    data = (save(folder, llama_tensors(), LLAMA_CONFIG) / "model.safetensors").read_bytes()
    (folder / "header.json").write_bytes(data[8 : 8 + int.from_bytes(data[:8], "little")])
    return folder / "header.json"


def read_header(path: Path) -> None:
    """A model with this header before its values."""
    said, whole = path.read_bytes(), path.with_name("model.safetensors")
    data = whole.read_bytes()
    values = data[8 + int.from_bytes(data[:8], "little") :]
    whole.write_bytes(struct.pack("<Q", len(said)) + said + values)
    read_layers(path.parent)


def pickled(folder: Path) -> Path:
    """The pickle in the archive of a torch file."""
    import torch

    save(folder, llama_tensors(), LLAMA_CONFIG)
    (folder / "model.safetensors").unlink()
    whole = folder / "pytorch_model.bin"
    torch.save({name: torch.from_numpy(value) for name, value in llama_tensors().items()}, whole)
    with zipfile.ZipFile(whole) as archive:
        name = next(it for it in archive.namelist() if it.endswith("data.pkl"))
        (folder / "data.pkl").write_bytes(archive.read(name))
    return folder / "data.pkl"


def read_pickled(path: Path) -> None:
    """A model whose archive has this pickle and all the other members."""
    whole = path.with_name("pytorch_model.bin")
    with zipfile.ZipFile(whole) as archive:
        members = {it: archive.read(it) for it in archive.namelist()}
    with zipfile.ZipFile(whole, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, path.read_bytes() if name.endswith("data.pkl") else data)
    read_layers(path.parent)


@cache
def _table() -> AffinityTable:
    return random_table(3, 2)


def metadata(folder: Path) -> Path:
    """The metadata of a table."""
    (folder / "metadata.json").write_text(_table().meta.to_json())
    return folder / "metadata.json"


def read_metadata(path: Path) -> None:
    """A table with this metadata, and no hash, as those of headgraph 0.1 have none."""
    whole = path.with_name("t.parquet")
    with whole.open("wb") as stream:
        said = {b"headgraph": path.read_bytes()}
        write_columns(_table().columns, said, stream)  # type: ignore[arg-type]
    try:
        AffinityTable.read(whole)
    finally:
        whole.unlink()


def facts(folder: Path) -> Path:
    """The JSON in a part of a table."""
    model = save(folder / "model", llama_tensors(), LLAMA_CONFIG)
    whole = compute_part(model, "0-1", folder / "t.part", backend="numpy")
    with np.load(io.BytesIO(whole.read_bytes()[:-HASH])) as held:
        (folder / "facts.json").write_text(str(held["about"]))
    return folder / "facts.json"


def read_facts(path: Path) -> None:
    """A part with this JSON beside its arrays, and the right hash."""
    whole = path.with_name("t.part")
    with np.load(io.BytesIO(whole.read_bytes()[:-HASH])) as held:
        arrays = {name: held[name] for name in held.files if name != "about"}
    stream = io.BytesIO()
    about = np.array(path.read_bytes().decode("utf-8", "replace"))
    np.savez(stream, about=about, **arrays)
    whole.write_bytes(stream.getvalue())
    joined(whole, stream.getvalue())


def joined(path: Path, data: bytes) -> None:
    """The table of a part whose hash is right, so that the rest is read too."""
    path.write_bytes(data + hashlib.sha256(data).digest())
    merge(path)


def tokenizer(folder: Path) -> Path:
    """A tokenizer.json with pieces of each kind."""
    said = {
        "model": {"type": "BPE", "vocab": {"a": 0, "\u0120b": 1, "<0x0A>": 2, "\u2581c": 3}},
        "added_tokens": [{"id": 4, "content": "<s>"}],
        "decoder": {"type": "Sequence", "decoders": [{"type": "ByteLevel"}]},
        "pre_tokenizer": None,
    }
    (folder / "tokenizer.json").write_text(json.dumps(said))
    return folder / "tokenizer.json"
