"""The token embedding and unembedding of a model, read from its files.

Both are vocabulary x d_model, in the coordinates of the residual stream that heads read.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headgraph.base.files.documents import shown
from headgraph.base.text import quoted
from headgraph.pk_engine.errors import WeightsError
from headgraph.pk_engine.models.checkpoint.tensor_files import FLOATS
from headgraph.pk_engine.models.checkpoint.tensors import Tensors

Embedding = NDArray[np.float32]
LAYOUTS = ("vocab d", "d vocab")


@dataclass(frozen=True)
class EmbeddingSpec:
    """The table `embedding` of a family file.

    Attributes:
        name: tensor of the embedding, after the family's prefix; vocabulary x d.
        unembedding: full names of the unembedding's tensor, tried in order.
        unembedding_layout: `vocab d` or `d vocab`.
        tied: whether the unembedding is the embedding, where tie_word_embeddings is absent.
        project_in: tensor, d_model x d, through which a narrower embedding enters the residual
            stream.
        project_out: tensor, d x d_model, through which a narrower unembedding reads it.
    """

    name: str
    unembedding: tuple[str, ...]
    unembedding_layout: str = "vocab d"
    tied: bool = True
    project_in: str | None = None
    project_out: str | None = None

    def __post_init__(self) -> None:
        if self.unembedding_layout not in LAYOUTS:
            raise ValueError(f"unembedding_layout {self.unembedding_layout!r}: expected {LAYOUTS}")
        if not isinstance(self.tied, bool):
            raise ValueError(f"tied = {self.tied!r}: expected true or false")

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> "EmbeddingSpec":
        """Make one from the table of a family file."""
        return cls(**{**data, "unembedding": tuple(data["unembedding"])})


@dataclass(frozen=True)
class EmbeddingFiles:
    """A model's embedding on disk.

    Attributes:
        spec: names of the tensors.
        files: the tensors of the folder.
        prefix: prefix of the names in the family file, except those of the unembedding.
        tied: tie_word_embeddings of config.json; None where it is absent.
        d_model: width of the residual stream.
    """

    spec: EmbeddingSpec
    files: Tensors
    prefix: str
    tied: bool | None
    d_model: int

    def embedding(self) -> Embedding:
        """What each token adds to the residual stream: W_E, vocabulary x d_model.

        Raises:
            WeightsError: it is not in the files, or has another shape.
        """
        rows = self._read([self.prefix + self.spec.name], "embedding")
        if self.spec.project_in and self.prefix + self.spec.project_in in self.files:
            rows = self._through(rows, self.prefix + self.spec.project_in, transposed=True)
        return self._checked(rows, self.prefix + self.spec.name)

    def unembedding(self) -> Embedding:
        """What each token's logit reads of the residual stream: W_U, vocabulary x d_model.

        Raises:
            WeightsError: it is not in the files, or has another shape.
        """
        spec = self.spec
        names = list(spec.unembedding)
        if spec.tied if self.tied is None else self.tied:
            names.append(self.prefix + spec.name)
        rows = self._read(names, "unembedding")
        stored = next(name for name in names if name in self.files)
        if spec.unembedding_layout == "d vocab" and stored in spec.unembedding:
            rows = rows.T
        if spec.project_out and self.prefix + spec.project_out in self.files:
            rows = self._through(rows, self.prefix + spec.project_out)
        return self._checked(rows, stored)

    def _read(self, names: list[str], what: str) -> Embedding:
        for name in names:
            if name in self.files:
                return self._tensor(name)
        raise WeightsError(
            f"the weights in {shown(self.files.folder)} hold no token {what} (no tensor "
            f"{' or '.join(names)}): expected a whole checkpoint, not the attention alone"
        )

    def _through(self, rows: Embedding, name: str, *, transposed: bool = False) -> Embedding:
        matrix = self._tensor(name)
        matrix = matrix.T if transposed else matrix
        if rows.shape[1] != len(matrix):
            raise WeightsError(
                f"the tensor {name} has the shape {matrix.shape}: expected {rows.shape[1]} rows, "
                "as wide as the embedding is"
            )
        return rows @ matrix

    def _tensor(self, name: str) -> Embedding:
        ((_, stored),) = self.files.describe([name])
        if stored.kind not in FLOATS or len(stored.shape) != 2:
            raise WeightsError(
                f"the tensor {name} is {stored.kind} of shape {quoted(stored.shape)}: expected a "
                "matrix of float32, float16 or bfloat16"
            )
        return np.asarray(self.files.read(name), np.float32)

    def _checked(self, rows: Embedding, name: str) -> Embedding:
        if rows.shape[1] != self.d_model:
            raise WeightsError(
                f"the tensor {name} gives rows of the shape {rows.shape[1:]}: expected "
                f"{(self.d_model,)}, as config.json says"
            )
        if not np.isfinite(rows.sum(dtype=np.float64)):
            raise WeightsError(f"the tensor {name} holds NaN or Inf: fetch or convert it again")
        return rows
