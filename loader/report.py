"""What a load or drop did, as values and as a sentence."""

from dataclasses import dataclass
from pathlib import Path

from headgraph.base.notebook import NotebookReport
from headgraph.base.text import printable, short


@dataclass(frozen=True, kw_only=True)
class LoadReport(NotebookReport):
    """What `load` did.

    Attributes:
        run: name of the run.
        id: its id.
        outcome: `loaded`, `replaced` (loaded in place of another run of that name), `relabelled`
            (labels alone changed), or `unchanged`.
        replaced: edges and selection of the run that went, in words; empty where none did.
        dry_run: nothing was done; `outcome` says what would have been.
        heads, edges, pairs: in the graph; more edges than scored pairs where query heads share
            key/value heads.
        pairings: types of the edges.
        selection: which pairs, in words.
        labelled: heads with a role.
        label_source: `bundled`, `none`, or a file's name.
        notes: what was found of earlier attempts, what the selection asked for and the file does
            not have, labels that were kept, a run to replace that was not there.
        seconds: how long it took.
    """

    run: str
    id: str
    outcome: str
    replaced: str
    dry_run: bool
    heads: int
    edges: int
    pairs: int
    pairings: tuple[str, ...]
    selection: str
    labelled: int
    label_source: str
    notes: tuple[str, ...]
    seconds: float

    def __str__(self) -> str:
        if self.outcome == "unchanged":
            return (
                f"{self.run} is loaded already, with this table and selection: nothing "
                f"{'would change' if self.dry_run else 'changed'}"
            )
        if self.outcome == "relabelled":
            verb = "would update" if self.dry_run else "updated"
            return f"{verb} the labels of {self.run} ({self._roles()}); its edges stay as they are"
        done = {"loaded": ("loaded", "would load"), "replaced": ("replaced", "would replace")}
        by = f"{self.replaced} by " if self.replaced else ""
        text = f"{done[self.outcome][self.dry_run]} {self.run}: {by}{self._size()}"
        return text if self.dry_run else f"{text} in {self.seconds:.1f} s"

    def _size(self) -> str:
        pairs = "" if self.pairs == self.edges else f" for {self.pairs:,} scored pairs"
        return (
            f"{self.heads:,} heads ({self._roles()}) and {self.edges:,} edges{pairs} "
            f"({', '.join(self.pairings)}; {self.selection})"
        )

    def _roles(self) -> str:
        source = {"bundled": ", bundled with headgraph", "none": ""}
        told = source.get(self.label_source, f", from {short(self.label_source)}")
        return f"{self.labelled:,} with roles{told}"


@dataclass(frozen=True, kw_only=True)
class DropReport(NotebookReport):
    """What `drop` removed.

    Attributes:
        run: its name, or the first characters of its id where it had none.
        id: its id.
        heads, edges: that it had, or was to have.
        dry_run: nothing was removed.
        whose: of an unfinished run in words, what it was; else empty.
    """

    run: str
    id: str
    heads: int
    edges: int
    dry_run: bool = False
    whose: str = ""

    def __str__(self) -> str:
        verb = "would drop" if self.dry_run else "dropped"
        whose = f" ({self.whose})" if self.whose else ""
        return f"{verb} {short(self.run)}{whose}: {self.heads:,} heads and {self.edges:,} edges"


@dataclass(frozen=True, kw_only=True)
class ExportReport(NotebookReport):
    """What `export` wrote.

    Attributes:
        files: where it is.
        run: name of the run.
        heads, edges: in the files.
        notes: what the selection asked for and the table does not have.
    """

    files: tuple[Path, ...]
    run: str
    heads: int
    edges: int
    notes: tuple[str, ...]

    def __str__(self) -> str:
        files = printable(" and ".join(map(str, self.files)))
        return f"wrote {self.heads:,} heads and {self.edges:,} edges of {short(self.run)}: {files}"
