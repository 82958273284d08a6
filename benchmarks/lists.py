"""Long lists laid out by headgraph and by rich's tables: `python -m benchmarks.lists`.

Both lay out the same cells as plain text for a terminal of 80 characters. The rows are scored pairs
of the bundled GPT-2 table, with the name of a Pythia model as a first column: together they are too
wide for the terminal. `make bench` runs this and writes into docs/project/performance.md.
"""

import io
from collections.abc import Sequence
from statistics import median

from benchmarks.common import in_turn, machine, ratio, table, write
from headgraph._cells import Column, column
from headgraph._layout import lay_out
from headgraph.pk_engine import AffinityTable
from headgraph.pk_engine.bundled import table_path

ROWS = 10_000
WIDTH = 80
ROUNDS = 5
MODEL = "pythia-1.4b-deduped-step143000"
COLUMNS = ("pairing", "source", "target", "pk", "pk_normalized", "z", "pk_rank")


def main() -> None:
    """Time both, count the model names that each shows whole, and write both figures."""
    edges = AffinityTable.read(table_path("gpt2-small")).frame.head(ROWS)
    columns = [column("model", [MODEL] * len(edges))]
    columns += [column(name, edges[name].array) for name in COLUMNS]
    times = in_turn({"ours": lambda: ours(columns), "rich": lambda: rich(columns)}, ROUNDS)
    rows = [
        [
            name,
            f"{median(times[key]):.2f}",
            f"{ratio(times[key], times['ours']):.1f}",
            f"{text.count(MODEL):,}",
        ]
        for key, name, text in (
            ("ours", "`headgraph/_layout.py`", ours(columns)),
            ("rich", "`rich.table.Table`", rich(columns)),
        )
    ]
    head = (f"{len(edges):,} rows, {len(columns)} columns", "median s", "times ours", "names whole")
    write("long lists", f"{machine('rich', rounds=ROUNDS)}\n\n{table(head, rows)}")


def ours(columns: Sequence[Column]) -> str:
    """The list as headgraph prints it."""
    return "\n".join(lay_out(columns, WIDTH))


def rich(columns: Sequence[Column]) -> str:
    """The list as a table of rich, with the same cells."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    rows = Table(box=None)
    for each in columns:
        rows.add_column(each.name, justify="right" if each.numbers else "left")
    for cells in zip(*(each.cells for each in columns), strict=True):
        rows.add_row(*map(Text, cells))
    text = io.StringIO()
    Console(file=text, width=WIDTH).print(rows)
    return text.getvalue()


if __name__ == "__main__":
    main()
