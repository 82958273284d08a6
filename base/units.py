"""Bytes and seconds in a readable unit: 100 B and 0.5 MB, 2 ms and 30 s."""

_BYTES = (("MB", 1e6, 1e5), ("kB", 1e3, 1e3), ("B", 1.0, 0.0))
_SECONDS = (("s", 1.0, 0.1), ("ms", 1e-3, 1e-3), ("µs", 1e-6, 0.0))


def size(count: float) -> str:
    """A number of bytes in words.

    >>> size(100), size(12_300), size(500_000)
    ('100 B', '12.3 kB', '0.5 MB')
    """
    return _in(_BYTES, count)


def span(seconds: float) -> str:
    """A time span in words.

    >>> span(0.0001), span(0.05), span(30)
    ('100 µs', '50 ms', '30 s')
    """
    return _in(_SECONDS, seconds)


def _in(units: tuple[tuple[str, float, float], ...], amount: float) -> str:
    """The amount in the first unit whose threshold it reaches, without an exponent."""
    unit, scale = next((unit, scale) for unit, scale, least in units if amount >= least)
    figure = f"{amount / scale:,.3f}".rstrip("0").rstrip(".")
    return f"{figure} {unit}" if float(figure.replace(",", "")) else f"less than 0.001 {unit}"
