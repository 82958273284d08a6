"""The report itself: its parts computed one after another, and the page written at the end."""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from headgraph.analysis._files import write_page
from headgraph.analysis.reproduction.claims import VERDICTS, Part, count
from headgraph.analysis.reproduction.sources import Source
from headgraph.base.notebook import framed
from headgraph.base.progress import Progress
from headgraph.base.version import VERSION
from headgraph.pk_engine.table.sources import AnyTable

_HERE = Path(__file__).parent


@dataclass(frozen=True)
class Report:
    """The paper's figures beside ours.

    Attributes:
        model: its name.
        provenance: its fingerprint, and the backend and version that scored it.
        parts: tables and figures of the paper, in its order.
    """

    model: str
    provenance: str
    parts: tuple[Part, ...]

    def frame(self) -> pd.DataFrame:
        """A row per figure: `where`, `quantity`, `paper`, `ours`, `difference`, `verdict`."""
        rows = [{"where": part.where, **claim._asdict()} for part in self.parts
                for claim in part.claims]  # fmt: skip
        return pd.DataFrame(rows)

    def html(self) -> str:
        """The page: one file, nothing outside it."""
        from jinja2 import Environment, StrictUndefined

        environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True,
                                  lstrip_blocks=True)  # fmt: skip
        template = environment.from_string((_HERE / "page.html.j2").read_text("utf-8"))
        style = (_HERE / "page.css").read_text("utf-8")
        return template.render(report=self, counts=count(self.parts), verdicts=VERDICTS,
                               style=style)  # fmt: skip

    def _repr_html_(self) -> str:
        return framed(self.html(), self.model)

    def write(self, path: str | os.PathLike[str], *, force: bool = False) -> Path:
        """Write the page beside `path` and rename it into place.

        Raises:
            FigureError: a name that does not end in .html, or the file cannot be written.
            OutputExists: the file is there and `force` is false.
        """
        return write_page(self.html(), path, force=force)


def reproduce(
    model: AnyTable = "gpt2-small",
    *,
    revision: str | None = None,
    progress: Progress | None = None,
) -> Report:
    """The tables and figures of arXiv:2601.10266, ours beside the paper's.

    Args:
        model: GPT-2 small's folder or hub id, which give all figures of the weights (and those of
            its behaviour, if the folder can be run), or a table of it such as the bundled
            `gpt2-small`, which gives those of the strongest pairs in seconds.
        revision: of a hub id.
        progress: called with what is being done, how much is done, and how much there is.

    Raises:
        AnalysisError: the fingerprint of the weights is not that of GPT-2 small.
        ModelError, TableError: the model or table cannot be read.
    """
    from headgraph.analysis.reproduction.parts import PARTS

    paper = published()
    source = Source(model, revision)
    source.check()
    parts = []
    for done, part in enumerate(PARTS):
        if progress:
            progress("Reproducing", done, len(PARTS))
        parts.append(part(source, paper))
    meta = source.graph.meta
    provenance = (
        f"{meta.model}, fingerprint {meta.fingerprint[:12]}; scored by {meta.backend} in "
        f"{meta.dtype}, headgraph {VERSION}"
    )
    return Report(meta.model, provenance, tuple(parts))


def published() -> Mapping[str, Any]:
    """What the paper prints."""
    return tomllib.loads((_HERE / "published.toml").read_text("utf-8"))
