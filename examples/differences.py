"""Two checkpoints beside each other: the commands of docs/guides/differences.md and their output.

    python -m examples.differences

No database is needed. The figure of the page is drawn too.
"""

import os
import shutil
import tempfile
from pathlib import Path

from benchmarks.common import DOCS, write
from examples.many_models import path_with_headgraph, shown

PAGE = DOCS / "guides" / "differences.md"
IMAGES = DOCS / "images"
TWO = "steps/induction-2l-step300.parquet steps/induction-2l-step500.parquet"
PARTS = {
    "checkpoints": f"""\
headgraph trajectory induction-2l --no-behaviour --tables steps -o curves.csv --format csv
headgraph diff {TWO} --limit 5
headgraph diff {TWO} --heads --limit 3""",
    "cut": """\
headgraph compute path/to/step-00300 --top-percent 20 -o before.parquet
headgraph compute path/to/step-00500 --top-percent 20 -o after.parquet
headgraph diff before.parquet after.parquet --limit 4""",
    "refused": """\
headgraph diff before.parquet gpt2-small""",
}
FIGURE = f"headgraph figure difference {TWO} --most 30 --force -o"


def main() -> None:
    """Run each part in a folder of its own, and write it into the page."""
    from headgraph.pk_engine.bundled import checkpoints_path

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ |= {"PATH": path_with_headgraph(folder), "PYTHONPATH": str(DOCS.parent)}
        shutil.copytree(checkpoints_path("induction-2l"), folder / "path" / "to")
        os.chdir(folder)
        for part, lines in PARTS.items():
            text = "\n".join(shown(line) for line in lines.splitlines())
            write(f"difference {part}", f"```text\n{text}\n```", PAGE)
        for ending in (".svg", "-dark.svg"):
            dark = " --dark" if "dark" in ending else ""
            print(shown(f"{FIGURE} {IMAGES / f'difference{ending}'}{dark}"))


if __name__ == "__main__":
    main()
