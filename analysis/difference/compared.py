"""Two tables side by side, as the figure, the page and the sentences need them."""

from dataclasses import dataclass

import pandas as pd

from headgraph.pk_engine.table.meta import TableMeta


@dataclass(frozen=True)
class Compared:
    """The fields of a `Difference`, which describes them."""

    names: tuple[str, str]
    metas: tuple[TableMeta, TableMeta]
    by: str
    noise: float
    pairs: pd.DataFrame
    heads: pd.DataFrame
    counts: pd.DataFrame
