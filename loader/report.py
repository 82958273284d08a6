"""Reports of loads, drops, exports and imports, as values and as a sentence."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from headgraph.base.notebook import NotebookReport
from headgraph.base.spelling import Message
from headgraph.base.text import printable, short, together
from headgraph.pk_engine.metrics.decoys import sentence


@dataclass(frozen=True, kw_only=True)
class LoadReport(NotebookReport):
    """Report of `load`.

    Attributes:
        run: name of the run.
        id: its id.
        outcome: `loaded`, `replaced` (loaded in place of another run of that name), `relabelled`
            (only the labels changed), or `unchanged`.
        replaced: edges and selection of the run that was replaced, in words; empty without one.
        dry_run: nothing was changed, and `outcome` is what a load would do.
        heads: number of heads in the graph.
        edges: number of edges; more than scored pairs if query heads share key/value heads.
        pairs: number of scored pairs.
        pairings: types of the edges.
        selection: the selection of pairs, in words.
        labelled: number of heads with a role from the labels.
        label_source: `bundled`, `none`, or the name of a file.
        derived: role that follows from the weights -> number of heads.
        decoy_shares: pairing -> share of decoys among its pairs, where the table has decoys and the
            run does not keep every pair.
        decoy_shares_apart: pairing -> the same between neighbouring layers, and further apart,
            where the table has these too.
        without_decoys: pairings whose share is an upper bound, because no decoy is as strong.
        notes: earlier attempts, pairs that the file lacks, labels that were kept, a run to replace
            that was missing, and decoy shares that are high or unknown.
        seconds: duration of the load.
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
    derived: Mapping[str, int] = field(default_factory=dict)
    decoy_shares: Mapping[str, float] = field(default_factory=dict)
    decoy_shares_apart: Mapping[str, tuple[float | None, float | None]] = field(
        default_factory=dict
    )
    without_decoys: frozenset[str] = frozenset()
    notes: tuple[Message, ...]
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
        text = text if self.dry_run else f"{text} in {self.seconds:.1f} s"
        decoys = sentence(
            self.decoy_shares, apart=self.decoy_shares_apart, none=self.without_decoys
        )
        return "\n".join(filter(None, [text, self._derived(), decoys]))

    def _size(self) -> str:
        pairs = "" if self.pairs == self.edges else f" for {self.pairs:,} scored pairs"
        return (
            f"{self.heads:,} heads ({self._roles()}) and {self.edges:,} edges{pairs} "
            f"({', '.join(self.pairings)}; {self.selection})"
        )

    def _derived(self) -> str:
        heads = [f"{n:,} {role}{'s' * (n > 1)}" for role, n in self.derived.items()]
        return f"derived from the weights: {together(heads)}" if heads else ""

    def _roles(self) -> str:
        source = {"bundled": ", bundled with headgraph", "none": ""}
        told = source.get(self.label_source, f", from {short(self.label_source)}")
        return f"{self.labelled:,} with roles{told}"


@dataclass(frozen=True, kw_only=True)
class DropReport(NotebookReport):
    """Report of `drop`.

    Attributes:
        run: name of the run, or the first characters of its id if it had no name.
        id: its id.
        heads: number of heads that it had, or was to have.
        edges: number of edges that it had, or was to have.
        dry_run: nothing was removed.
        whose: description of the attempt if the run was unfinished, else empty.
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
    """Report of `export`.

    Attributes:
        files: the files that were written.
        run: name of the run.
        heads: number of heads in the files.
        edges: number of edges in the files.
        notes: pairs that the selection includes and the table lacks.
    """

    files: tuple[Path, ...]
    run: str
    heads: int
    edges: int
    notes: tuple[Message, ...]

    def __str__(self) -> str:
        files = printable(" and ".join(map(str, self.files)))
        return f"wrote {self.heads:,} heads and {self.edges:,} edges of {short(self.run)}: {files}"


@dataclass(frozen=True, kw_only=True)
class ImportReport(NotebookReport):
    """Report of one run of `import_runs`.

    Attributes:
        run: name of the run.
        id: its id.
        file: the file that it comes from.
        outcome: `imported`, `replaced` (imported in place of another run of that name), or
            `unchanged`.
        replaced: edges of the run that was replaced, in words; empty without one.
        dry_run: nothing was changed, and `outcome` is what an import would do.
        heads: number of heads.
        edges: number of edges.
        labelled: number of heads with a role, without the roles derived from the weights.
        notes: earlier attempts, and a run to replace that was missing.
        seconds: duration of the import.
    """

    run: str
    id: str
    file: Path
    outcome: str
    replaced: str
    dry_run: bool
    heads: int
    edges: int
    labelled: int
    notes: tuple[Message, ...]
    seconds: float

    def __str__(self) -> str:
        file = printable(str(self.file))
        if self.outcome == "unchanged":
            verb = "would change" if self.dry_run else "changed"
            return f"{self.run} is there already, as in {file}: nothing {verb}"
        done = {
            "imported": ("imported", "would import"),
            "replaced": ("replaced", "would replace"),
        }
        by = f"{self.replaced} by " if self.replaced else ""
        text = (
            f"{done[self.outcome][self.dry_run]} {self.run}: {by}{self.heads:,} heads "
            f"({self.labelled:,} with roles) and {self.edges:,} edges, from {file}"
        )
        return text if self.dry_run else f"{text}, in {self.seconds:.1f} s"
