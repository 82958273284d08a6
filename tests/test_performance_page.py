"""What docs/project/performance.md says of the page's table is what the table says."""

from benchmarks import view
from benchmarks.common import PAGE

ROWS = """\
|  | 9 heads, 5 edges | 90 heads, 500 edges |
| --- | --- | --- |
| first paint | 144 / 999 | 900 / 1001 |
| slider, thrown | 60 / 50 | 20 / 51 |
| click | 3 / 4 | 4 / 333 |
| script | 70 | 80 |
"""


def test_words_name_what_is_over_its_limit() -> None:
    assert view.words(ROWS) == (
        "Over the limit, page by page:\n\n"
        "- 9 heads, 5 edges: nothing\n"
        "- 90 heads, 500 edges: first paint; slider, thrown; click"
    )


def test_the_words_on_the_page_are_of_the_table_above_them() -> None:
    block = PAGE.read_text("utf-8").partition("<!-- view -->\n")[2].partition("\n<!-- end of")[0]
    _, rows, said = block.split("\n\n", 2)
    assert said == view.words(rows)
