"""The figures of studies/tokens.md: tokens of the small models, and what the choices change.

python -m benchmarks.token_projection
"""

from collections.abc import Iterable

import pandas as pd

from benchmarks.common import SHARED, STUDIES, table, write
from headgraph.analysis.tokens import tokens

MODELS = ("stories260K", "babyllama-361", "slm-4096")
TOP = 10
CHOICES = {
    "not centred": {"center": False},
    "normalised first": {"order": "normalize-first"},
    "unembedding": {"unembed": True},
}
SHOWN = 3


def main() -> None:
    """Project the tokens of each model in each way, and write the page."""
    overlaps, lists = [], []
    for name in MODELS:
        folder = SHARED / "models" / name
        usual = tokens(folder, top=TOP)
        for choice, how in CHOICES.items():
            other = tokens(folder, top=TOP, **how)
            overlaps.append([name, choice, *_overlaps(usual, other)])
        lists += [[name, *row] for row in _clearest(usual)]
    head = ["model", "compared with the usual choice", *(f"{role}" for role in "QKVO")]
    write("token overlaps", table(head, overlaps), STUDIES / "tokens.md")
    head = ["model", "head", "role", "score of the first", f"the {TOP} tokens"]
    write("token lists", table(head, lists), STUDIES / "tokens.md")


def _overlaps(usual: pd.DataFrame, other: pd.DataFrame) -> Iterable[str]:
    """Mean over heads of how many tokens of two top lists are the same, by role."""
    ids = [frame.groupby(["role", "head"])["token_id"].agg(set) for frame in (usual, other)]
    shared = pd.Series({key: len(ids[0][key] & ids[1][key]) for key in ids[0].index})
    for role in "QKVO":
        values = shared.loc[role]
        yield f"{values.mean():.1f} ({values.min()} to {values.max()})"


def _clearest(frame: pd.DataFrame) -> Iterable[list[str]]:
    """The heads and roles whose first token lies most in the subspace."""
    first = frame[frame["rank"] == 1].nlargest(SHOWN, "score")
    for row in first.to_dict("records"):
        same = (frame["head"] == row["head"]) & (frame["role"] == row["role"])
        words = " ".join(_code(token) for token in frame.loc[same, "token"])
        yield [row["head"], row["role"], f"{row['score']:.2f}", words]


def _code(token: str) -> str:
    shown = token.replace("\n", "\\n").replace("|", "\\|").replace("`", "'")
    return f"`{shown.replace(' ', '␣')}`"


if __name__ == "__main__":
    main()
