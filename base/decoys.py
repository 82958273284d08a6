"""When a share of decoys is high, and when it is only an upper bound; read by graphs and engine."""

HIGH = 0.25
"""Share of decoys above which a warning is given."""


def is_bound(share: float, pairs: int) -> bool:
    """Whether a share is high only because few pairs are kept: no backward pair is as strong.

    The share is (1 + backward pairs) / pairs, so without a backward pair it is 1 / pairs.

    Args:
        share: of decoys among the pairs kept.
        pairs: how many are kept.

    >>> is_bound(0.5, 2), is_bound(0.5, 4), is_bound(0.1, 10)
    (True, False, False)
    """
    return share > HIGH and share * pairs < 1.5
