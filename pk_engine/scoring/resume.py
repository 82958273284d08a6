"""Resume after an interruption: the state of a job, in a file beside its output.

The state is written to a temporary file after each group of layers, then renamed, so a kill at any
moment leaves the state before or after a group. The file holds a key of the weights' files and all
options, and ends in a hash. A file with another key or a wrong hash is ignored; the hash is checked
before anything is parsed.
"""

import hashlib
import json
import os
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from headgraph.base.files.documents import reason, shown
from headgraph.base.files.output import beside
from headgraph.pk_engine.errors import EngineError
from headgraph.pk_engine.metrics.decoys import DecoyCounts
from headgraph.pk_engine.scoring.top_k import Keeper

_HASH = "sha256"
_HEADS, _DECOYS = "head scores ", " decoys"
# errors of np.load and json for other files
_NOT_OURS = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile)


@dataclass
class State:
    """The state of a job after some groups.

    Attributes:
        keepers: pairing -> the rows that the selection can still keep.
        done: number of finished groups.
        digests: layer -> sha256 of its raw matrices.
        deficient: (role, layer, head) -> matrices of less than full rank.
        head_scores: layer -> `copying` and `self_overlap` of its query heads.
        decoys: pairing -> counts of forward and backward pairs.
    """

    keepers: dict[str, Keeper]
    done: int = 0
    digests: dict[int, bytes] = field(default_factory=dict)
    deficient: dict[tuple[str, int, int], dict[str, Any]] = field(default_factory=dict)
    head_scores: dict[int, NDArray[np.float64]] = field(default_factory=dict)
    decoys: dict[str, DecoyCounts] = field(default_factory=dict)


@dataclass(frozen=True)
class Partial:
    """The file of a state; with `path` None there is no file.

    Attributes:
        path: the file, beside the table to be written.
        key: the job's key, see `job_key`.
    """

    path: Path | None
    key: str

    def restore(self, state: State) -> None:
        """Fill a new state from the file, if it exists and belongs to this job."""
        if self.path is None or not self.path.is_file():
            return
        try:
            with self.path.open("rb") as stream:
                if not _is_whole(stream):
                    return
                with np.load(stream, allow_pickle=False) as file:
                    about = json.loads(str(file["about"]))
                    if about["key"] != self.key:
                        return
                    arrays = {name: file[name] for name in file.files if name != "about"}
        except _NOT_OURS:
            return
        for pairing, keeper in state.keepers.items():
            keeper.restore(_part(arrays, pairing), about["scored"][pairing])
        state.done = about["done"]
        state.digests = {int(at): bytes.fromhex(text) for at, text in about["digests"].items()}
        state.deficient = {(d["role"], d["layer"], d["head"]): d for d in about["deficient"]}
        state.head_scores = {
            int(at): arrays[f"{_HEADS}{at}"] for at in about["layers with head scores"]
        }
        state.decoys = {p: DecoyCounts(**_part(arrays, f"{p}{_DECOYS}")) for p in about["decoys"]}

    def save(self, state: State) -> None:
        """Write the state.

        Raises:
            EngineError: the file cannot be written; the state before remains.
        """
        if self.path is None:
            return
        about = {
            "key": self.key,
            "done": state.done,
            "scored": {pairing: keeper.scored for pairing, keeper in state.keepers.items()},
            "digests": {at: digest.hex() for at, digest in state.digests.items()},
            "deficient": list(state.deficient.values()),
            "layers with head scores": list(state.head_scores),
            "decoys": list(state.decoys),
        }
        arrays: dict[str, NDArray[Any]] = {
            f"{pairing}/{name}": values
            for pairing, keeper in state.keepers.items()
            for name, values in keeper.state().items()
        }
        arrays |= {f"{_HEADS}{at}": scores for at, scores in state.head_scores.items()}
        for pairing, counts in state.decoys.items():
            arrays |= {f"{pairing}{_DECOYS}/{name}": it for name, it in vars(counts).items()}
        try:
            with beside(self.path) as stream:
                np.savez(stream, about=np.array(json.dumps(about)), **arrays)  # type: ignore[arg-type]
                stream.write(_digest(stream, stream.seek(0, os.SEEK_END)))
        except OSError as error:
            raise EngineError(
                f"cannot write {shown(self.path)}, from which an interrupted compute resumes: "
                f"{reason(error)}"
            ) from error

    def clear(self) -> None:
        """Remove the file, at the end of the job."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)


def _is_whole(stream: IO[bytes]) -> bool:
    """Whether a file ends in the hash of the bytes before it; rewinds the stream."""
    size = stream.seek(0, os.SEEK_END) - hashlib.new(_HASH).digest_size
    found = _digest(stream, size)
    expected = stream.read()
    stream.seek(0)
    return found == expected


def _digest(stream: IO[bytes], size: int) -> bytes:
    """The hash of the first `size` bytes of a file; leaves the stream behind them."""
    stream.seek(0)
    digest = hashlib.new(_HASH)
    while size > 0 and (part := stream.read(min(size, 2**20))):
        digest.update(part)
        size -= len(part)
    return digest.digest()


def job_key(folder: Path, partial: Path, options: dict[str, Any]) -> str:
    """sha256 over the names, sizes and times of a model's files, and the options of a job.

    The state itself may lie in the model's folder; hidden files are temporary ones. A GGUF file
    may have other parts beside it.
    """
    ending = "" if folder.is_dir() else folder.suffix
    state = partial.resolve()
    files = sorted(
        path
        for path in (folder.parent if ending else folder).iterdir()
        if path.name.endswith(ending)
        and path.is_file()
        and not path.name.startswith(".")
        and path.resolve() != state
    )
    stats = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in files]
    text = json.dumps([os.fspath(folder.resolve()), stats, options], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _part(arrays: dict[str, NDArray[Any]], pairing: str) -> dict[str, NDArray[Any]]:
    start = f"{pairing}/"
    return {name[len(start) :]: a for name, a in arrays.items() if name.startswith(start)}
