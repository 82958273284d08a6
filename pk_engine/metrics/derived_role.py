"""The role that follows from the weights of a single head; see `pk_engine.metrics.copying`."""

SIGN = 0.9
"""|copying| beyond which a head counts as a copier or an eraser."""
OVERLAP = 0.5
"""self_overlap beyond which a head counts as a copier or an eraser."""


def derived_role(copies: float | None, overlap: float | None) -> str | None:
    """`eraser` or `copier`, as the weights alone show it; None for every other head.

    A derived role is no role from the literature: it says what W_OV does, not what the head is for.
    """
    if copies is None or overlap is None or not overlap > OVERLAP:
        return None
    if copies < -SIGN:
        return "eraser"
    return "copier" if copies > SIGN else None
