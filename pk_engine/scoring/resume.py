"""Resume after an interruption: the state of a job, in a file beside its output.

The state is written to a temporary file after each group of layers, then renamed, so a kill at any
moment leaves the state before or after a group. The file holds a key of the weights' files and all
options, and ends in a hash. A file with a wrong hash is ignored; the hash is checked before
anything is parsed. A whole file of another job is kept, and the job refused.
"""

import hashlib
import json
import os
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headgraph.base.files.arrays import (
    NOT_OURS,
    begins_as_ours,
    read_arrays,
    write_arrays,
)
from headgraph.base.files.documents import reason, shown
from headgraph.base.spelling import argument
from headgraph.base.text import listed
from headgraph.pk_engine.errors import EngineError
from headgraph.pk_engine.metrics.decoys import DecoyCounts
from headgraph.pk_engine.scoring.group import GroupScores
from headgraph.pk_engine.scoring.top_k import Keeper
from headgraph.pk_engine.table.columns import Columns

_WEIGHTS = (".json", ".safetensors", ".bin", ".pt", ".pth", ".gguf")
"""Endings of the files that a model is read from."""
_HEADS, _DECOYS = "head scores ", " decoys"


@dataclass
class State:
    """The state of a job after some groups.

    Attributes:
        keepers: pairing -> the rows that the selection can still keep.
        done: numbers of the finished groups.
        digests: layer -> sha256 of its raw matrices.
        deficient: (role, layer, head) -> matrices of less than full rank.
        head_scores: layer -> `copying` and `self_overlap` of its query heads.
        scored_in: layer -> the group that its head scores are from.
        decoys: pairing -> counts of forward and backward pairs.
    """

    keepers: dict[str, Keeper]
    done: set[int] = field(default_factory=set)
    digests: dict[int, bytes] = field(default_factory=dict)
    deficient: dict[tuple[str, int, int], dict[str, Any]] = field(default_factory=dict)
    head_scores: dict[int, NDArray[np.float64]] = field(default_factory=dict)
    scored_in: dict[int, int] = field(default_factory=dict)
    decoys: dict[str, DecoyCounts] = field(default_factory=dict)

    def add(self, number: int, found: GroupScores) -> None:
        """Merge the scores of a group; the order in which groups come changes nothing."""
        for pairing, part in found.parts.items():
            self.keepers[pairing].add(part)
        for pairing, counts in found.decoys.items():
            self.decoys[pairing].include(counts)
        self.digests |= found.digests
        self.deficient |= {(d["role"], d["layer"], d["head"]): d for d in found.deficient}
        for layer, scores in found.head_scores.items():
            if number >= self.scored_in.get(layer, 0):  # groups may differ in the last bit
                self.head_scores[layer], self.scored_in[layer] = scores, number
        self.done.add(number)

    def saved(self) -> tuple[dict[str, Any], Columns]:
        """All of it as JSON and arrays, for `include`."""
        about = {
            "done": sorted(self.done),
            "scored": {pairing: keeper.scored for pairing, keeper in self.keepers.items()},
            "digests": {at: digest.hex() for at, digest in self.digests.items()},
            "deficient": list(self.deficient.values()),
            "head scores from": self.scored_in,
            "decoys": list(self.decoys),
        }
        arrays: Columns = {
            f"{pairing}/{name}": values
            for pairing, keeper in self.keepers.items()
            for name, values in keeper.state().items()
        }
        arrays |= {f"{_HEADS}{at}": scores for at, scores in self.head_scores.items()}
        for pairing, counts in self.decoys.items():
            arrays |= {f"{pairing}{_DECOYS}/{name}": it for name, it in vars(counts).items()}
        return about, arrays

    def include(self, about: dict[str, Any], arrays: Columns) -> None:
        """Add another state, as `saved` gives it, which has other groups."""
        for pairing, keeper in self.keepers.items():
            keeper.include(_part(arrays, pairing), about["scored"][pairing])
        for pairing in about["decoys"]:
            counts = DecoyCounts(**_part(arrays, f"{pairing}{_DECOYS}"))
            self.decoys[pairing].include(counts)
        self.done |= set(about["done"])
        self.digests |= {int(at): bytes.fromhex(text) for at, text in about["digests"].items()}
        self.deficient |= {(d["role"], d["layer"], d["head"]): d for d in about["deficient"]}
        self.scored_in |= {int(at): number for at, number in about["head scores from"].items()}
        self.head_scores |= {
            int(name.removeprefix(_HEADS)): scores
            for name, scores in arrays.items()
            if name.startswith(_HEADS)
        }


@dataclass
class Partial:
    """The file of a state; with `path` None there is no file.

    Attributes:
        path: the file, beside the table to be written.
        key: the job's key, see `job_key`.
        options: what the key is made of, besides the files.
        force: whether a file of another job may be replaced.
    """

    path: Path | None
    key: str
    options: dict[str, str] = field(default_factory=dict)
    force: bool = False
    _seen: tuple[int, ...] | None = None

    def restore(self, state: State) -> bool:
        """Fill a new state from the file, if it exists; whether there is one that is damaged.

        Raises:
            EngineError: the file belongs to another job or to another program, and `force` is
                false; or it cannot be read.
        """
        found = self._read()
        if found is None:
            return self._begins_as_ours()
        about, arrays = found
        if about["key"] == self.key:
            state.include(about, arrays)
        else:
            self._refuse(about)
        return False

    def groups_done(self) -> int:
        """Number of groups of this job in the file; with all of them only the output is missing."""
        found = self._read()
        return len(found[0]["done"]) if found and found[0]["key"] == self.key else 0

    def _is_there(self) -> bool:
        return self.path is not None and self.path.is_file()

    def _begins_as_ours(self) -> bool:
        with suppress(OSError):  # there is none, or it cannot be read and is replaced
            return self.path is not None and self.path.is_file() and begins_as_ours(self.path)
        return False

    def _read(self) -> tuple[dict[str, Any], Columns] | None:
        """What the file holds; None if there is none, or it is damaged or may be replaced."""
        if self.path is None or not self._is_there():
            return None
        try:
            self._seen = _identity(self.path)
            if not self.force:
                self._refuse_foreign()
            found = read_arrays(self.path)
            return found if "key" in found[0] else None
        except FileNotFoundError:  # another command has just removed it
            return None
        except OSError as error:
            if self.force:
                return None
            raise EngineError(
                f"{shown(self.path)}, from which an interrupted compute resumes, cannot be read: "
                f"{reason(error)}"
            ) from error
        except NOT_OURS:
            return None

    def _refuse_foreign(self) -> None:
        """Raise EngineError for a file that was never one of these, whole or damaged."""
        if self.path is not None and not begins_as_ours(self.path):
            raise EngineError(
                f"{shown(self.path)} is a file of another program, and compute needs its name: "
                f"move it, give another output, or give {argument('force', True)} to replace it"
            )

    def _refuse(self, about: dict[str, Any]) -> None:
        """Raise EngineError for the file of another job, unless it may be replaced."""
        if self.path is None or self.force:
            return
        theirs = about.get("options", {})
        names = {"groups": "memory", "folds": "folding", "state": "form of the file",
                 "headgraph": "version of headgraph", "origin": "variant or adapter",
                 "kv": "key/value heads"}  # fmt: skip
        differ = [n for n in self.options if n in theirs and theirs[n] != self.options[n]]
        what = listed([names.get(name, name).replace("_", " ") for name in differ])
        raise EngineError(
            f"{shown(self.path)} holds the groups of an interrupted compute with other "
            f"{what or 'weights'}: finish that one, remove the file, or give "
            f"{argument('force', True)} to replace it"
        )

    def save(self, state: State) -> None:
        """Write the state.

        Raises:
            EngineError: the file cannot be written, and the state before remains; or a compute of
                another job has written there since.
        """
        if self.path is None:
            return
        if _identity(self.path) not in (None, self._seen):
            found = self._read()
            if found is not None and found[0]["key"] != self.key:
                self._refuse(found[0])
        about, arrays = state.saved()
        try:
            write_arrays(self.path, {"key": self.key, "options": self.options} | about, arrays)
        except OSError as error:
            raise EngineError(
                f"cannot write {shown(self.path)}, from which an interrupted compute resumes: "
                f"{reason(error)}"
            ) from error
        self._seen = _identity(self.path)

    def clear(self) -> None:
        """Remove the file, at the end of the job.

        Raises:
            EngineError: it cannot be removed.
        """
        if self.path is None:
            return
        try:
            self.path.unlink(missing_ok=True)
        except OSError as error:
            raise EngineError(
                f"{shown(self.path)} is not needed any more, and cannot be removed: {reason(error)}"
            ) from error


def _identity(path: Path) -> tuple[int, ...] | None:
    """What tells a file from one that takes its place; None if there is none."""
    try:
        about = path.stat()
    except OSError:
        return None
    return about.st_ino, about.st_size, about.st_mtime_ns


def job_key(folder: Path, options: dict[str, Any]) -> str:
    """sha256 over the names, sizes and times of a model's files, and the options of a job.

    What else lies in the folder does not count, such as tables. A GGUF file may have other parts
    beside it.
    """
    ending = _WEIGHTS if folder.is_dir() else folder.suffix
    files = sorted(
        path
        for path in (folder if folder.is_dir() else folder.parent).iterdir()
        if path.name.endswith(ending) and path.is_file() and not path.name.startswith(".")
    )
    stats = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in files]
    text = json.dumps([os.fspath(folder.resolve()), stats, options], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _part(arrays: dict[str, NDArray[Any]], pairing: str) -> dict[str, NDArray[Any]]:
    start = f"{pairing}/"
    return {name[len(start) :]: a for name, a in arrays.items() if name.startswith(start)}
