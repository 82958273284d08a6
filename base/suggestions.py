"""Suggestions for misspelt names."""

from collections.abc import Iterable
from difflib import get_close_matches

from headgraph.base.text import short


def did_you_mean(name: str, known: Iterable[str], n: int = 3) -> str:
    """` (did you mean A or B?)`, or an empty text if no name is similar.

    >>> did_you_mean("hub", ["hubs", "runs"])
    ' (did you mean hubs?)'
    """
    by_lower = {candidate.lower(): candidate for candidate in known}
    near = [by_lower[match] for match in get_close_matches(name.lower(), by_lower, n=n, cutoff=0.6)]
    return f" (did you mean {' or '.join(short(name, 40) for name in near)}?)" if near else ""
