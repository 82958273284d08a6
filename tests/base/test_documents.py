"""JSON from outside is read into values that arithmetic takes."""

import pytest

from headgraph.base.errors import UnreadableFile
from headgraph.base.files.documents import parse_json


@pytest.mark.parametrize("sign", ["", "-"])
def test_a_whole_number_that_no_float_holds_is_refused(sign: str) -> None:
    largest = f"{sign}{2**1023}"
    assert parse_json(f'{{"a": [{largest}]}}', source="x") == {"a": [int(largest)]}
    for digits in ("9" * 309, "1" + "0" * 400, "7" * 5000):
        said = rf"^x cannot be read as JSON: a number has {len(digits):,} digits, expected at most"
        with pytest.raises(UnreadableFile, match=said):
            parse_json(f'{{"a": [{sign}{digits}]}}', source="x")
