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
        "The strongest pairs as lines. Layers go up, heads to the right; a line enters a head "
        "at its left as query, in its middle as key, at its right as value. Lines grow from a "
        "hairline at chance. Colours and tags are known roles. The legend states chance, the "
        "maximum, the share of decoys and the heads that erase. After Fig. 1 and Fig. 6 of the "
        "paper.",
    ),
    Picture(
        "induction-panels", "wiring induction-2l --panels", "Wiring diagram in three panels",
        "All pairs of a model of two layers, on one scale. The strongest run in OK, from "
        "previous-token heads to induction heads: K-composition. `--behaviour FILE`, a file "
        "of `headgraph behaviour induction-2l --format csv`, shades heads by their measured "
        "behaviour in place of known roles. After Fig. 4.",
    ),
    Picture(
        "stories-tokens", "wiring path/to/stories260K --per-pairing 6 --tokens path/to/stories260K",
        "Wiring diagram with tokens",
        "In each box, for each role that a line touches, the tokens that lie most in that "
        "subspace, as many as fit ([tokens.md](../studies/tokens.md)). After Fig. 6.",
    ),
    Picture(
        "gpt2-scatter", "scatter gpt2-small", "PK against CS",
        "Every pair, with the cutoffs of the strongest 3 % by either metric. Markers and "
        "colours say which of the two keeps a pair. The dotted line is chance. After Fig. 5.",
    ),
    Picture(
        "gpt2-heatmap", "heatmap gpt2-small", "Heatmap by layer",
        "Mean and largest score of the pairs of each two layers; sources to the right, "
        "targets up. A line on the colour bar marks chance.",
    ),
    Picture(
        "gpt2-heatmap-ok", "heatmap gpt2-small --pairings OK", "Heatmap by head",
        "One pairing, a cell for every pair of heads. A model of more than 256 heads is drawn "
        "by layer unless `--by head` is given.",
    ),
    Picture(
        "gpt2-hubs", "hubs gpt2-small", "Hubs",
        "What flows into each head against what flows out of it, in sums of z over the "
        "strongest 3 % of the pairs. Hubs stand to the upper right; on the dashed curve a "
        "head equals the tenth of them.",
    ),
    Picture(
        "gpt2-copying", "copying gpt2-small", "Copying and erasing",
        "What each head does to what it reads. Up: it writes the same (copying 1). Down: it "
        "writes the negative (-1), which PK cannot show, since a subspace has no sign. To the "
        "right: more of what it writes lies in what it reads. Rings mark hubs. In the two "
        "corners a head has a derived role, from its own weights; known roles are colours and "
        "markers. The hub L4H7 attends to itself and erases.",
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
