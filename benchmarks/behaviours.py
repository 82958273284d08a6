"""The table and the picture of studies/behaviour.md: what heads of the models at hand attend to.

python -m benchmarks.behaviours
"""

import warnings

import pandas as pd

from benchmarks.common import DOCS, SHARED, STUDIES, table, write
from headgraph.analysis.behaviour import BEHAVIOURS, CHANCES, behaviour
from headgraph.analysis.behaviour.figure import behaviour_figure
from headgraph.analysis.figures import save
from headgraph.base.names import head_name

MODELS = ("induction-2l", "stories260K", "babyllama-361", "slm-4096", "capp-gpt2")
SEED = 0
TEXT = "Once upon a time, there was a little girl named Lily. She loved to play"


def main() -> None:
    """Measure every model and write the page's table and picture."""
    rows = []
    for name in MODELS:
        model = name if name == "induction-2l" else SHARED / "models" / name
        rows.append(_line(name, behaviour(model, seed=SEED)))
    head = ["model", *(name.replace("_", " ") for name in BEHAVIOURS)]
    words = (
        "The head with the highest score of each behaviour, how many heads have 0.5 or more, and "
        "the score of uniform attention on the same tokens (chance)."
    )
    write(
        "behaviours",
        f"{words} Random tokens that repeat, seed {SEED}.\n\n{table(head, rows)}",
        STUDIES / "behaviour.md",
    )
    folder = SHARED / "models" / "stories260K"
    for dark in (False, True):
        picture = behaviour_figure(folder, text=TEXT, dark=dark)
        name = f"stories260K-identity{'-dark' if dark else ''}.svg"
        save(picture, DOCS / "images" / name, force=True)


def _line(name: str, scores: pd.DataFrame) -> list[str]:
    cells = [name]
    for behaviour_ in BEHAVIOURS:
        best = scores.loc[scores[behaviour_].idxmax()]
        many = int((scores[behaviour_] >= 0.5).sum())
        head = head_name(int(best["layer"]), int(best["head"]))
        chance = scores[CHANCES[behaviour_]].iloc[0]
        cells.append(
            f"{head} {best[behaviour_]:.2f} ({many} of {len(scores)}), chance {chance:.2f}"
        )
    return cells


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
