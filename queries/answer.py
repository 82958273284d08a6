"""A DataFrame that shows the notes in its `attrs` below its rows in a notebook."""

from collections.abc import Callable
from typing import Any

import pandas as pd

from headgraph.base.notebook import paragraph


class Answer(pd.DataFrame):
    """Rows of a query. Methods that return another DataFrame return an ordinary one."""

    @property
    def _constructor(self) -> Callable[..., Any]:
        return pd.DataFrame

    def _repr_html_(self) -> str:
        why = self.attrs.get("no_rows") if self.empty else None
        short = f"cut off after {len(self):,} rows" if self.attrs.get("truncated") else None
        own = [self.attrs.get(name) for name in ("limited", "cut")]
        notes = [why, short, *self.attrs.get("hints", ()), *own]
        # pandas returns None where its options turn HTML off
        rows = "" if why else super()._repr_html_() or ""  # type: ignore[misc]  # not in the stubs
        return rows + "".join(paragraph(str(note)) for note in notes if note)
