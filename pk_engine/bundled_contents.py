"""The list of bundled models and tables."""

from typing import TYPE_CHECKING, Any

from headgraph.pk_engine.bundled import MODELS, TABLES, model_path, table_path

if TYPE_CHECKING:
    import pandas as pd


def bundled() -> "pd.DataFrame":
    """The bundled models and tables; each name can replace a path.

    Returns:
        A row for each: `name`, `kind` (`table` or `model`), `layers`, `heads` (of a layer), `pairs`
        (of a table; missing for a model), `path`.
    """
    import pandas as pd

    rows = [*map(_table, TABLES), *map(_model, MODELS)]
    return pd.DataFrame(rows).astype({"pairs": "Int64"})


def _table(name: str) -> dict[str, Any]:
    from headgraph.pk_engine.table.sources import read_table

    path = table_path(name)
    table = read_table(path)
    return _row(name, "table", table.meta, len(table), path)


def _model(name: str) -> dict[str, Any]:
    from headgraph.pk_engine.models.sources import open_weights

    return _row(name, "model", open_weights(name).shape, None, model_path(name))


def _row(name: str, kind: str, shape: Any, pairs: int | None, path: Any) -> dict[str, Any]:
    return {
        "name": name,
        "kind": kind,
        "layers": shape.n_layers,
        "heads": shape.n_heads,
        "pairs": pairs,
        "path": str(path),
    }
