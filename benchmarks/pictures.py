"""The pictures of docs/guides/figures.md: drawn by the commands that the page shows.

python -m benchmarks.pictures
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.common import DOCS, SHARED, table
from headgraph import cli

IMAGES = DOCS / "images"
SHOWN, HERE = "path/to/", f"{SHARED / 'models'}/"
"""How the page writes the folder of the models, and where it is."""


@dataclass(frozen=True)
class Picture:
    """One entry of the page.

    Attributes:
        file: of the light variant, without its ending; the dark one has `-dark` behind it.
        args: of `headgraph figure`.
        title: the entry's.
        text: what it shows, and how it is read.
    """

    file: str
    args: str
    title: str
    text: str

    def command(self, *, dark: bool = False) -> list[str]:
        """The arguments that draw it for the docs."""
        path = IMAGES / f"{self.file}{'-dark' if dark else ''}.svg"
        how = ["--dark"] if dark else []
        args = self.args.replace(SHOWN, HERE).split()
        return ["figure", *args, *how, "--force", "-o", str(path)]


PICTURES = [
    Picture(
        "gpt2-wiring", "wiring gpt2-small", "Wiring diagram",
        "The strongest pairs as lines. Each row is a layer, and the first layer is at the bottom. "
        "A line enters a head at its left as query, in its middle as key, and at its right as "
        "value. It is a hairline at chance, and wider the further its PK lies above chance. "
        "Colours and tags show known roles. The legend states chance, the maximum, the share of "
        "decoys and the erasers. After Fig. 1 and Fig. 6 of the PK paper.",
    ),
    Picture(
        "induction-panels", "wiring induction-2l --panels", "Wiring diagram in three panels",
        "All pairs of a model of two layers, on one scale. The strongest lines are in OK, from "
        "previous-token heads to induction heads (K-composition). `--behaviour FILE` shades heads "
        "by their measured behaviour in place of known roles; `headgraph behaviour induction-2l "
        "--format csv` prints such a file. After Fig. 4.",
    ),
    Picture(
        "stories-tokens", "wiring path/to/stories260K --per-pairing 6 --tokens path/to/stories260K",
        "Wiring diagram with tokens",
        "Each box lists the tokens that lie most in the head's subspaces, as many as fit "
        "([Tokens](../studies/tokens.md)). It shows only the subspaces that a line touches. After "
        "Fig. 6.",
    ),
    Picture(
        "gpt2-scatter", "scatter gpt2-small", "PK against CS",
        "Every pair is a point. Two lines mark the cutoffs of the strongest 3 % by PK and by CS. "
        "Markers and colours show which of the two metrics keeps a pair. The dotted line is the "
        "chance level of PK. After Fig. 5.",
    ),
    Picture(
        "gpt2-heatmap", "heatmap gpt2-small", "Heatmap by layer",
        "The mean and the largest score of all pairs between two layers. The source's layer "
        "increases to the right, the target's upwards. A line on the colour bar marks chance.",
    ),
    Picture(
        "gpt2-heatmap-ok", "heatmap gpt2-small --pairings OK", "Heatmap by head",
        "One pairing, with a cell for every pair of heads. A model with more than 256 heads is "
        "drawn by layer, unless you pass `--by head`.",
    ),
    Picture(
        "gpt2-hubs", "hubs gpt2-small", "Hubs",
        "The inlet score of each head against its outlet score: sums of z over the strongest 3 % "
        "of the pairs. Hubs are at the upper right. The dashed curve passes through the tenth "
        "greatest hub; all points on it have the same hub score.",
    ),
    Picture(
        "gpt2-copying", "copying gpt2-small", "Copying and erasing",
        "What each head does to what it reads. The vertical axis is copying: 1 if the head writes "
        "what it reads, -1 if it writes the negative. The horizontal axis is self-overlap: how "
        "much of what the head writes lies in what it reads. Heads in the two marked corners have "
        "a derived role, from their own weights. Colours and markers show known roles, and rings "
        "mark hubs. The hub L4H7 is an identity head and an eraser.",
    ),
]  # fmt: skip


def main() -> None:
    """Draw all, light and dark."""
    for picture in PICTURES:
        for dark in (False, True):
            try:
                cli.main(picture.command(dark=dark))
            except SystemExit as end:
                if end.code:
                    raise


def page() -> str:
    """Markdown: each picture with its command, then the commands of all others."""
    from headgraph.analysis.figures.commands import figure

    shown = {picture.args.split()[0] for picture in PICTURES}
    others = [
        [f"`headgraph figure {name}`", (command.help or "").partition("\n\n")[0].replace("\n", " ")]
        for name, command in sorted(figure.commands.items())
        if name not in shown
    ]
    lines = [line for picture in PICTURES for line in _section(picture)]
    return "\n".join([*lines, "## Others\n", table(["command", "what it draws"], others)])


def _section(picture: Picture) -> Iterator[str]:
    yield f"## {picture.title}\n"
    yield f"```console\n$ headgraph figure {picture.args} -o {picture.file}.svg\n```\n"
    yield f"{picture.text}\n"
    yield (
        f'<picture><source media="(prefers-color-scheme: dark)" '
        f'srcset="../images/{picture.file}-dark.svg"><img alt="{picture.title}" '
        f'src="../images/{picture.file}.svg"></picture>\n'
    )


if __name__ == "__main__":
    sys.exit(main())
