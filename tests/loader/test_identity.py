"""What runs are called."""

from dataclasses import replace

import pytest

from headgraph.loader._identity import check_name, default_name, run_id
from headgraph.loader.errors import BadRunName
from headgraph.pk_engine.scoring.selection import Selection
from tests.tables import random_table

META = random_table().meta


@pytest.mark.parametrize(
    ("model", "step", "name"),
    [
        ("openai-community/gpt2", None, "gpt2"),
        ("gpt2", None, "gpt2"),
        ("../shared/models/Llama-3.1-8B/", None, "llama-3.1-8b"),
        ("C:\\models\\My Model (v2)", None, "my-model-v2"),
        ("EleutherAI/Pythia 160m", 512.0, "pythia-160m-step512"),
        ("a/b", 0.5, "b-step0.5"),
        ("x", 143_000_000.0, "x-step143000000"),
        ("模型", None, "run"),
        ("m" * 100, 7.0, "m" * 58 + "-step7"),
    ],
)
def test_default_name(model: str, step: float | None, name: str) -> None:
    got = default_name(replace(META, model=model, step=step))
    assert got == name
    assert check_name(got) == got


@pytest.mark.parametrize("name", ["", "a b", "-x", ".x", "a/b", "é", "a" * 65, "x\n", "a'b"])
def test_bad_names_are_refused(name: str) -> None:
    with pytest.raises(BadRunName) as caught:
        check_name(name)
    assert str(caught.value) == (
        f"{name!r} cannot be the name of a run: expected up to 64 letters, digits, dots, "
        "underscores and hyphens, a letter or digit first, such as --run gpt2-small"
    )


def test_id_tells_name_table_and_selection_apart() -> None:
    ids = {
        run_id("a", "t", Selection()),
        run_id("b", "t", Selection()),
        run_id("a", "u", Selection()),
        run_id("a", "t", Selection(top=3)),
        run_id("a", "t", Selection(top=4)),
        run_id("a", "t", Selection(top_percent=3)),
    }
    assert len(ids) == 6
    assert run_id("a", "t", Selection()) == run_id("a", "t", Selection())
