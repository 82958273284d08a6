"""A query's answer: a DataFrame that also shows, in a notebook, what its `attrs` say."""

from collections.abc import Callable
from typing import Any

import pandas as pd

from headgraph.base.notebook import paragraph


class Answer(pd.DataFrame):
    """Rows of a query; whatever is made of them is an ordinary DataFrame."""

    @property
    def _constructor(self) -> Callable[..., Any]:
        return pd.DataFrame

    def _repr_html_(self) -> str:
        told = self.attrs.get("no_rows") if self.empty else None
        cut = f"cut off after {len(self):,} rows" if self.attrs.get("truncated") else None
        notes = [told, cut, *self.attrs.get("hints", ())]
        # pandas gives the columns of an empty answer, and None where its option says so
        rows = "" if told else super()._repr_html_() or ""  # type: ignore[misc]  # not in the stubs
        return rows + "".join(paragraph(str(note)) for note in notes if note)
