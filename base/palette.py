"""Colours and styles of figures, of the page to explore and of Neo4j Browser.

The rooms that draw do not import each other, so their common styles are here.
`analysis.figures.style` says how the colours were chosen.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from headgraph.base.names import PAIRINGS


@dataclass(frozen=True)
class PairingStyle:
    """The look of one pairing; `marker` and `dashes` distinguish pairings without colour.

    `dashes` are lengths of dash and gap in points, as `Line2D.set_dashes` takes them; empty: solid.
    """

    color: str
    marker: str
    dashes: tuple[float, ...]
    meaning: str


@dataclass(frozen=True)
class RoleStyle:
    """The look of one role; `tag` is short enough to stand on a head."""

    color: str
    marker: str
    tag: str
    name: str


@dataclass(frozen=True)
class Theme:
    """Colours of the light or the dark variant.

    Attributes:
        paper, band: the background, and every second row of it.
        ink, muted, faint: colours of text, of secondary text, and of marks.
        plain: fill of a head without a role.
        sequential, diverging: colour maps; lightness rises with the value, or with its magnitude.
        classes: colours of points that pass two rules, the first alone, the second alone, neither.
        pairings: styles of OQ, OK and OV.
        changes: styles of the kinds of change between two tables (`names.CHANGES`).
        roles: colour overrides by role.
    """

    name: str
    paper: str
    band: str
    ink: str
    muted: str
    faint: str
    plain: str
    sequential: str
    diverging: str
    classes: tuple[str, str, str, str]
    pairings: Mapping[str, PairingStyle]
    changes: Mapping[str, PairingStyle]
    roles: Mapping[str, str]

    def role(self, role: str) -> RoleStyle:
        """The style of a role; an unknown role gets a colour by its name."""
        known = _ROLES.get(role)
        if known is None:
            known = RoleStyle(_spare_color(role), "o", _short(role), role.replace("_", " "))
        color = self.roles.get(role, known.color)
        return RoleStyle(color, known.marker, known.tag, known.name)

    def pairing(self, pairing: str) -> PairingStyle:
        """The style of any of the 16 pairings; all but OQ, OK and OV share six colours.

        A pairing with a change, such as `OK gained`, has the look of the change.
        """
        pairing, _, change = pairing.partition(" ")
        if change:
            meaning = self.pairing(pairing).meaning.removeprefix("output ")
            return replace(self.changes[change], meaning=meaning)
        known = self.pairings.get(pairing)
        if known is not None:
            return known
        others = [name for name in PAIRINGS if name not in self.pairings]
        source, target = (_WORDS[letter] for letter in pairing)
        color = _OTHER_PAIRINGS[others.index(pairing) % len(_OTHER_PAIRINGS)]
        return PairingStyle(color, "o", (), f"{source} beside {target}")

    def ink_on(self, fill: str) -> str:
        """Black or white, whichever has more contrast on `fill`."""
        return max(("#14181F", "#FFFFFF"), key=lambda ink: contrast(ink, fill))


_OTHER_PAIRINGS = ("#8A5A9E", "#B0413E", "#4C7A34", "#5E6B78", "#A67C1E", "#2F8C8C")
_WORDS = {"Q": "query", "K": "key", "V": "value", "O": "output"}


def _pairings(q: str, k: str, v: str) -> dict[str, PairingStyle]:
    return {
        "OQ": PairingStyle(q, "^", (2.4, 1.1), "output read as query"),
        "OK": PairingStyle(k, "s", (), "output read as key"),
        "OV": PairingStyle(v, "o", (8.0, 1.6), "output read as value"),
    }


def _changes(gained: str, lost: str, stronger: str, weaker: str) -> dict[str, PairingStyle]:
    return {
        "gained": PairingStyle(gained, "^", (), "gained: in B alone, above A's cutoff"),
        "lost": PairingStyle(lost, "X", (2.4, 1.1), "lost: in A alone, above B's cutoff"),
        "stronger": PairingStyle(stronger, "o", (8.0, 1.6), "stronger in B"),
        "weaker": PairingStyle(weaker, "v", (5.0, 1.2, 1.2, 1.2), "weaker in B"),
    }


LIGHT = Theme(
    name="light",
    paper="#FFFFFF",
    band="#F5F7F9",
    ink="#14181F",
    muted="#59626E",
    faint="#C3CAD3",
    plain="#FFFFFF",
    sequential="viridis",
    diverging="RdBu_r",
    classes=("#14181F", "#A3126B", "#1F9E96", "#C3CAD3"),
    pairings=_pairings("#DB6B00", "#00513C", "#2F6FD0"),
    changes=_changes("#142852", "#7C1703", "#0633F9", "#D17147"),
    roles={},
)
DARK = Theme(
    name="dark",
    paper="#0D1117",
    band="#141A22",
    ink="#F0F3F6",
    muted="#A3AEBB",
    faint="#3D4651",
    plain="#1D242E",
    sequential="viridis",
    diverging="RdBu_r",
    classes=("#F0F3F6", "#F59BC9", "#23877F", "#3D4651"),
    pairings=_pairings("#F5954A", "#86EFC4", "#5B8FEF"),
    changes=_changes("#ADC1EB", "#FDDEB4", "#195AE6", "#E65719"),
    roles={"identity": "#CE0A67"},
)

TASK = "task"
"""Role of heads that are only known as part of a task's circuit."""

_ROLES = {
    "identity": RoleStyle("#B1074F", "*", "ident", "identity"),
    "previous_token": RoleStyle("#8FC474", "<", "prev", "previous token"),
    "duplicate_token": RoleStyle("#0A7F7B", "D", "dup", "duplicate token"),
    "induction": RoleStyle("#83BBFC", "s", "induct", "induction"),
    "s_inhibition": RoleStyle("#7769AD", "v", "S-inh", "S-inhibition"),
    "name_mover": RoleStyle("#FFCB36", "^", "name", "name mover"),
    "backup_name_mover": RoleStyle("#FEE6A9", "h", "backup", "backup name mover"),
    "negative_name_mover": RoleStyle("#926224", "X", "neg", "negative name mover"),
    "copy_suppression": RoleStyle("#BFA291", "P", "copy-s", "copy suppression"),
    "letter_mover": RoleStyle("#F99A41", ">", "letter", "letter mover"),
    "successor": RoleStyle("#DB8FBE", "p", "succ", "successor"),
    TASK: RoleStyle("#D4D8DE", "o", "task", "part of a task circuit only"),
    "greater_than": RoleStyle("#D4D8DE", "o", "gt", "greater-than"),
    "sequence_continuation": RoleStyle("#B3BAC4", "o", "seq", "sequence continuation"),
    "acronyms": RoleStyle("#8D96A2", "o", "acro", "acronyms"),
}
TAG = 9
"""Maximum length of a tag, so that boxes of neighbouring heads stay apart."""
ROLE_ORDER = tuple(_ROLES)
"""Order of roles in legends; the first role of a head fills it."""


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours, 1 to 21 (WCAG 2.2)."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def luminance(color: str) -> float:
    """Relative luminance of `#RRGGBB`, 0 (black) to 1 (white)."""
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


SPARE = ("#83BBFC", "#FFCB36", "#8FC474", "#DB8FBE", "#F99A41", "#0A7F7B", "#7769AD", "#BFA291")


def _spare_color(role: str) -> str:
    # by letters, not by order: one role has one colour in every figure of a paper
    return SPARE[sum(role.encode()) % len(SPARE)]


def _short(role: str) -> str:
    """As many whole words as fit in a tag: `copying`, `a role of`; a long word is cut."""
    words = role.split("_")
    tag = words[0] if len(words[0]) <= TAG else f"{words[0][: TAG - 1]}…"
    for word in words[1:]:
        if len(f"{tag} {word}") > TAG:
            break
        tag += f" {word}"
    return tag
