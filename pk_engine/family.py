"""Families: where a kind of model keeps its attention matrices, as data in pk_engine/families.

A family file names the configuration keys that give the shape, the tensors of a layer, the roles in
each, and how a stored matrix splits into heads. The layout is written as its axes in stored order:
`d` is the residual stream, `head` counts heads (key/value heads where the role is K or V), `m` runs
within a head; axes in parentheses lie in one stored axis. `d (head m)` is d rows, and columns with
the first head's m, then the next head's.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pk_engine.errors import ModelError, UnknownFamily, WeightsError

FOLDER = Path(__file__).parent / "families"


@dataclass(frozen=True)
class ModelShape:
    """Sizes of a model's attention.

    Attributes:
        n_layers, n_heads: layers, and query heads in each.
        n_kv_heads: key/value heads in each layer; n_heads without grouped-query attention.
        d_model, d_head: dimensions of the residual stream and of a head.
    """

    n_layers: int
    n_heads: int
    n_kv_heads: int
    d_model: int
    d_head: int

    def heads_of(self, role: str) -> int:
        """Heads per layer that have a matrix of this role of their own."""
        return self.n_kv_heads if role in "KV" else self.n_heads


@dataclass(frozen=True)
class TensorSpec:
    """One stored matrix of a layer: its name, the roles in it, and how it splits into heads."""

    name: str
    roles: tuple[str, ...]
    layout: str

    def stored_shape(self, shape: ModelShape) -> tuple[int, int]:
        """(rows, columns) that the file must have."""
        fused = sum(shape.heads_of(role) for role in self.roles) * shape.d_head
        return (shape.d_model, fused) if self._d_first else (fused, shape.d_model)

    def split(self, stored: NDArray[Any], shape: ModelShape) -> dict[str, NDArray[Any]]:
        """Role -> heads x d_model x d_head, as a view of the stored matrix where possible."""
        rows_are_d = stored if self._d_first else stored.T  # d x (role head m)
        parts, start = {}, 0
        for role in self.roles:
            heads = shape.heads_of(role)
            stop = start + heads * shape.d_head
            block = rows_are_d[:, start:stop].reshape(shape.d_model, heads, shape.d_head)
            parts[role], start = block.transpose(1, 0, 2), stop
        return parts

    @property
    def _d_first(self) -> bool:
        return self.layout.startswith("d ")


@dataclass(frozen=True)
class Family:
    """A family file, read. See this module's docstring for what its fields mean."""

    name: str
    model_types: tuple[str, ...]
    prefixes: tuple[str, ...]
    config: Mapping[str, list[str]]
    refuse: Mapping[str, str]
    tensors: tuple[TensorSpec, ...]

    def shape(self, config: Mapping[str, Any]) -> ModelShape:
        """The model's sizes from its configuration.

        Raises:
            ModelError: a key is missing or not a positive integer, heads cannot share key/value
                heads evenly, or the configuration asks for something the family refuses.
        """
        for key, reason in self.refuse.items():
            if config.get(key):
                raise ModelError(
                    f"config.json has {key} = {config[key]!r}, which the family {self.name} does "
                    f"not handle: {reason}"
                )
        sizes = {size: _size(config, keys) for size, keys in self.config.items()}
        for size in ("n_layers", "n_heads", "d_model"):
            if sizes.get(size) is None:
                keys = " or ".join(self.config[size])
                raise ModelError(f"config.json lacks {keys}, which gives {size}")
        heads, width = int(sizes["n_heads"] or 0), int(sizes["d_model"] or 0)
        shared = int(sizes.get("n_kv_heads") or heads)
        per_head = sizes.get("d_head")
        if per_head is None and width % heads:
            raise ModelError(f"config.json has d_model {width}, which {heads} heads cannot share")
        if heads % shared:
            raise ModelError(f"config.json has {heads} heads and {shared} key/value heads")
        return ModelShape(
            int(sizes["n_layers"] or 0), heads, shared, width, int(per_head or width // heads)
        )


def _size(config: Mapping[str, Any], keys: list[str]) -> int | None:
    key = next((key for key in keys if config.get(key) is not None), None)
    if key is None:
        return None
    value = config[key]
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ModelError(f"config.json has {key} = {value!r}: wanted a positive integer")
    return value


def read_family(path: Path) -> Family:
    """Read one family file.

    Raises:
        ModelError: the file is not TOML or lacks something; the message names the file.
    """
    try:
        data = tomllib.loads(path.read_text("utf-8"))
        return Family(
            name=path.stem,
            model_types=tuple(data["model_types"]),
            prefixes=tuple(data["prefixes"]),
            config=data["config"],
            refuse=data.get("refuse", {}),
            tensors=tuple(
                TensorSpec(t["name"], tuple(t["roles"]), _layout(t["layout"]))
                for t in data["tensors"]
            ),
        )
    except (tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as error:
        raise ModelError(f"the family file {path} cannot be used: {error!r}") from error


def _layout(text: str) -> str:
    if text not in ("d (head m)", "(head m) d"):
        raise ValueError(f"layout {text!r}: wanted 'd (head m)' or '(head m) d'")
    return text


@cache
def families(folder: Path = FOLDER) -> dict[str, Family]:
    """Model type -> family, from every file in the folder."""
    read = [read_family(path) for path in sorted(folder.glob("*.toml"))]
    return {model_type: family for family in read for model_type in family.model_types}


def family_of(config: Mapping[str, Any]) -> Family:
    """The family that describes this configuration's model type.

    Raises:
        UnknownFamily: none does; the message lists those that are known.
    """
    model_type = config.get("model_type")
    known = families()
    if model_type not in known:
        raise UnknownFamily(
            f"config.json has model_type {model_type!r}, which no family file describes: known are "
            f"{', '.join(sorted(known))}; a new one is a TOML file in {FOLDER}"
        )
    return known[model_type]


def check_finite(matrix: NDArray[Any], layer: int, role: str) -> None:
    """Refuse NaN and Inf, naming the head.

    Raises:
        WeightsError: a value is not finite.
    """
    # a sum is finite only when every term is; it is cheaper than looking at each
    with np.errstate(invalid="ignore"):
        if np.isfinite(matrix.sum(dtype=np.float64)):
            return
    heads = np.flatnonzero(~np.isfinite(matrix).all(axis=(1, 2)))
    raise WeightsError(
        f"the {role} matrix of {', '.join(f'L{layer}H{head}' for head in heads)} holds NaN or Inf: "
        "the checkpoint is damaged, fetch or convert it again"
    )
