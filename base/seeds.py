"""Random seeds, checked before anything is drawn with them."""

from typing import Any

from headgraph.base.errors import HeadgraphError
from headgraph.base.spelling import argument

_BEYOND = 2**63  # tables and graphs hold seeds as 64-bit integers


def check_seed(seed: Any, problem: type[HeadgraphError]) -> int:
    """The seed itself, if it is a whole number that a table can hold.

    Args:
        seed: an integer, of Python or NumPy.
        problem: the class of the error.

    Raises:
        HeadgraphError: as `problem`: another type, a negative number, or one beyond 64 bits.

    >>> check_seed(3, HeadgraphError)
    3
    """
    try:
        number = seed.__index__()
    except (AttributeError, TypeError):
        number = -1
    if isinstance(seed, bool) or not 0 <= number < _BEYOND:
        bound = "below 2^63" if number >= _BEYOND else "of at least 0"
        raise problem(f"{argument('seed', seed)}: expected a whole number {bound}")
    return int(number)
