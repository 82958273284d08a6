"""Names that others could give: what a terminal obeys, what no font has, what no format holds."""

import unicodedata
from dataclasses import replace

from headgraph.pk_engine.table.affinity import AffinityTable

NAMES = {
    "title": "gpt2\x1b]0;owned\x07",
    "c1": "gpt2\x9b31m\x9d0;owned\x9c",
    "bidi": "gpt2\u202etpg\u2066x\u200b\ufeff",
    "breaks": "gpt2\nheadgraph: loaded\r\x0b\u2028\u2029\x85",
    "nul": "a\0b\x7f\ufffe",
    "mathtext": r"$\frac{$",
    "dollars": r"$x^2$ and \$5 and $",
    "markup": "<b>&amp;\"'</b>--><script>alert(1)</script>]]>",
    "rich": "[red]x[/red] [link=file:///etc/passwd]y[/link]\\[",
    "long": "x" * 10_000,
    "emoji": "🙂🧠👩‍🔬 模型 نموذج",
    "invisible": "\u3164\u2800\u115f",
    "half": "a\ud800b\udcff",
    "empty": "",
    "space": "   ",
}
"""A name of each kind."""


def named(table: AffinityTable, name: str) -> AffinityTable:
    """The table as one whose maker called its model so."""
    return AffinityTable(table.columns, replace(table.meta, model=name))


def obeyed(text: str, keep: str = "\n") -> list[str]:
    """Characters that a terminal would obey or not show; their categories as Unicode has them."""
    return [
        character
        for character in text
        if character not in keep
        and unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp")
    ]
