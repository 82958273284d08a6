"""Tables that fit a terminal: lines break between words, names stay whole.

If no table fits, each row becomes a small record of lines `name: value`.
"""

import re
from collections.abc import Callable, Iterator, Sequence

from headgraph._cells import Column

WHOLE = frozenset({"name", "run", "model", "series", "id"})
"""Columns of names, which are never broken, even at underscores."""

MOST_LINES = 3
"""Maximum lines of a row; a table that needs more is easier to read as records."""

RULER = 100
"""Maximum length of the line under a column's name; columns in a pipe have any width."""

_PIECE = re.compile(r"[^\s_,]*[_,]*\s*")  # text that is not broken, with the separator after it


def lay_out(columns: Sequence[Column], width: int | None) -> list[str]:
    """Lines of a table of these columns, in at most `width` characters where possible."""
    natural = [max(map(len, [column.name, *column.cells])) for column in columns]
    if width is None or _total(natural, 2) <= width:
        return _table(columns, natural, 2)
    if _total(natural, 1) <= width:
        return _table(columns, natural, 1)
    # break after spaces if that is enough, otherwise also after underscores and commas
    for pieces in (str.split, _pieces):
        least = [_least(column, pieces) for column in columns]
        for gap in (2, 1):
            if _total(least, gap) <= width:
                widths = _shared(least, natural, width - gap * (len(columns) - 1))
                if _height(columns, widths) <= MOST_LINES:
                    return _table(columns, widths, gap)
    return _records(columns, width)


def wrap(text: str, width: int) -> list[str]:
    """Lines of at most this width, broken after spaces, underscores and commas alone.

    >>> wrap("previous_token, induction", 12)
    ['previous_', 'token,', 'induction']
    """
    if len(text) <= width:  # saves work on a list of a million numbers in a pipe
        return [text]
    lines = [""]
    for word in text.split(" "):
        joint = " " if lines[-1] else ""
        if len(lines[-1]) + len(joint) + len(word) <= width:
            lines[-1] += joint + word
            continue
        for place, piece in enumerate(_pieces(word)):
            joint = " " if lines[-1] and place == 0 else ""
            if place == 0 and lines[-1] and len(word) <= width:
                lines.append(word)
                break
            if lines[-1] and len(lines[-1]) + len(joint) + len(piece) > width:
                lines.append(piece)
            else:
                lines[-1] += joint + piece
    return lines


def _pieces(word: str) -> list[str]:
    return [piece.rstrip() for piece in _PIECE.findall(word) if piece] or [""]


def _least(column: Column, pieces: Callable[[str], list[str]]) -> int:
    """The minimum width of a column whose texts may be broken between these pieces."""
    whole = _is_whole(column)
    head = max(map(len, _pieces(column.name)))
    cells = (len(it) for cell in column.cells for it in ([cell] if whole else pieces(cell)))
    return max(head, *cells, 0)


def _is_whole(column: Column) -> bool:
    return column.numbers or column.name in WHOLE


def _total(widths: Sequence[int], gap: int) -> int:
    return sum(widths) + gap * (len(widths) - 1)


def _shared(least: Sequence[int], natural: Sequence[int], room: int) -> list[int]:
    """Widths that fill the room: each character goes to the column with the most broken lines."""
    widths = list(least)
    while sum(widths) < room:
        place = max(range(len(widths)), key=lambda i: natural[i] / max(widths[i], 1))
        if natural[place] <= widths[place]:
            break
        widths[place] += 1
    return widths


def _height(columns: Sequence[Column], widths: Sequence[int]) -> int:
    return max(
        (
            # a text that is certainly too long is not broken just to count its lines
            len(_lines(column, cell, width))
            if len(cell) <= MOST_LINES * (width + 1)
            else MOST_LINES + 1
            for column, width in zip(columns, widths, strict=True)
            for cell in column.cells
        ),
        default=1,
    )


def _lines(column: Column, cell: str, width: int) -> list[str]:
    return [cell] if _is_whole(column) else wrap(cell, width)


def _table(columns: Sequence[Column], widths: Sequence[int], gap: int) -> list[str]:
    head = [wrap(column.name, width) for column, width in zip(columns, widths, strict=True)]
    ruler = [("─" * min(width, RULER)).ljust(width) for width in widths]
    lines = [*_row(columns, head, widths, gap), (" " * gap).join(ruler).rstrip()]
    rows = zip(*(column.cells for column in columns), strict=True)
    for row in rows:
        cells = [_lines(*cell) for cell in zip(columns, row, widths, strict=True)]
        lines += _row(columns, cells, widths, gap)
    return lines


def _row(
    columns: Sequence[Column], cells: Sequence[list[str]], widths: Sequence[int], gap: int
) -> Iterator[str]:
    for place in range(max(map(len, cells))):
        parts = [
            (cell[place : place + 1] or [""])[0].rjust(width)
            if column.numbers
            else (cell[place : place + 1] or [""])[0].ljust(width)
            for column, cell, width in zip(columns, cells, widths, strict=True)
        ]
        yield (" " * gap).join(parts).rstrip()


def _records(columns: Sequence[Column], width: int) -> list[str]:
    indent = max(len(column.name) for column in columns) + 2
    lines: list[str] = []
    for row in zip(*(column.cells for column in columns), strict=True):
        lines += [""] if lines else []
        for column, cell in zip(columns, row, strict=True):
            if cell:
                first, *rest = _lines(column, cell, width - indent)
                lines.append(f"{column.name + ':':<{indent}}{first}")
                lines += [" " * indent + line for line in rest]
    return lines
