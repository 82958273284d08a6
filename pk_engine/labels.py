"""Labels: known roles of heads, from a file or bundled for models with a known fingerprint.

A label file is CSV with the columns `layer`, `head`, `role` and optionally `circuit`, `source`,
`note`. A head may have several rows. Roles are lower-case words joined by underscores.
"""

import os
import re
import tomllib
from pathlib import Path

import pandas as pd

from headgraph.base.files.documents import shown
from headgraph.base.files.rows import read_csv
from headgraph.base.text import listed, quoted, short, whole_number
from headgraph.pk_engine.errors import LabelsError
from headgraph.pk_engine.table.meta import TableMeta

COLUMNS = ("layer", "head", "role", "circuit", "source", "note")
_FOLDER = Path(__file__).parent / "bundled" / "labels"
_ROLE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
LONGEST_ROLE = 100
"""Characters. Roles are indexed, and Neo4j refuses index entries above 8 KB only at publication."""


def known_labels(meta: TableMeta) -> pd.DataFrame | None:
    """The bundled labels for the model of this table, None if there are none."""
    index = tomllib.loads((_FOLDER / "index.toml").read_text("utf-8"))
    name = index["fingerprints"].get(meta.fingerprint)
    return None if name is None else read_labels(_FOLDER / name, meta)


def known_roles() -> list[str]:
    """All roles in the bundled labels, in alphabetical order."""
    index = tomllib.loads((_FOLDER / "index.toml").read_text("utf-8"))
    names = sorted(set(index["fingerprints"].values()))
    return sorted({role for name in names for role in pd.read_csv(_FOLDER / name)["role"]})


def labels_for(meta: TableMeta, labels: str | os.PathLike[str] | None = None) -> pd.DataFrame:
    """The labels that an argument `labels` stands for.

    Args:
        meta: the table's metadata.
        labels: None for the bundled labels, the word `none` for no labels, else a label file.

    Returns:
        Rows with the columns `COLUMNS`; empty when there are none.
    """
    if labels is None:
        known = known_labels(meta)
        return pd.DataFrame(columns=list(COLUMNS)) if known is None else known
    if str(labels) == "none":
        return pd.DataFrame(columns=list(COLUMNS))
    return read_labels(labels, meta)


def read_labels(path: str | os.PathLike[str], meta: TableMeta) -> pd.DataFrame:
    """Read a label file and check it against the model's shape.

    Raises:
        LabelsError: the file or a column is missing, the model lacks a head, or a role is not
            lower-case words joined by underscores.
    """
    if not isinstance(path, str | os.PathLike):
        raise LabelsError(
            f"labels is {quoted(path)}: expected the path of a label file, or the word none"
        )
    name = shown(path)
    try:
        frame = read_csv(
            path, problem=LabelsError, dtype=str, keep_default_na=False, skipinitialspace=True
        )
    except LabelsError as error:
        raise LabelsError(
            f"no labels: {error.message.marked}; expected CSV with the columns "
            "layer,head,role, or the word none"
        ) from error
    missing = [name for name in COLUMNS[:3] if name not in frame]
    unknown = [name for name in frame if name not in COLUMNS]
    if missing or unknown:
        raise LabelsError(
            f"the label file {name} has the columns {listed(frame.columns)}: expected "
            "layer,head,role and optionally circuit,source,note"
        )
    frame = frame.reindex(columns=list(COLUMNS), fill_value="")
    rows = zip(frame["layer"], frame["head"], frame["role"], strict=True)
    for line, (layer, head, role) in enumerate(rows, start=2):
        _check_row(f"{name}, line {line}", layer, head, role, meta)
    for column in ("layer", "head"):  # int refuses texts of 5,000 digits
        frame[column] = frame[column].map(whole_number).astype(int)
    return frame.drop_duplicates().sort_values(list(COLUMNS), ignore_index=True)


def _check_row(where: str, layer: str, head: str, role: str, meta: TableMeta) -> None:
    for name, value, count in (("layer", layer, meta.n_layers), ("head", head, meta.n_heads)):
        number = whole_number(value)
        if number is None or number >= count:
            raise LabelsError(
                f"{where} has {name} {quoted(value, 30)}: expected a number from 0 to {count - 1}, "
                f"as {short(meta.model)} has {meta.n_layers} layers of {meta.n_heads} heads"
            )
    place = whole_number(layer) or 0, whole_number(head) or 0
    if meta.layers and place not in meta.places():
        raise LabelsError(
            f"{where} has head {place[1]} of layer {place[0]}, which {short(meta.model)} has not: "
            f"expected layers out of {listed([layer.index for layer in meta.shape.layers])}"
        )
    if not _ROLE.fullmatch(role):
        raise LabelsError(
            f"{where} has the role {quoted(role)}: expected lower-case words joined by _, "
            "such as induction"
        )
    if len(role) > LONGEST_ROLE:
        raise LabelsError(
            f"{where} has a role of {len(role):,} characters: expected at most {LONGEST_ROLE}"
        )
