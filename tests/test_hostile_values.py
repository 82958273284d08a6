"""Values that no option can take, given to every option: one sentence, and nothing to obey."""

from pathlib import Path

import click
import pytest

from headgraph import cli
from tests.hostile import obeyed
from tests.tables import random_table
from tests.test_bad_values import built, commands

VALUES = {
    "long": "x\x1b]0;owned\x07\u202e\n" * 1000,
    "half": "a\udcffb",
    "digits": "9" * 5000,
}
ANYTHING = {("reproduce", "revision")}
"""What takes any text, after a report of half a minute."""


def parameters() -> list[tuple[str, str]]:
    return [
        (name, str(param.name))
        for name, command in commands().items()
        if not isinstance(command, click.Group)
        for param in command.params
        if not getattr(param, "is_flag", False) and (name, str(param.name)) not in ANYTHING
    ]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A small table, for a command that does all its work where a value is not looked at."""
    return str(random_table().write(tmp_path_factory.mktemp("tiny") / "tiny.parquet"))


@pytest.mark.parametrize("kind", VALUES)
@pytest.mark.parametrize(("name", "key"), parameters())
def test_a_hostile_value_is_one_sentence(
    name: str,
    key: str,
    kind: str,
    tiny: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NEO4J_URI", "bolt://127.0.0.1:1")  # no server: what is checked before it
    (tmp_path / "some.csv").write_text("layer,head,role\n0,0,induction\n")
    line = built(commands()[name], name, key, "VALUE")
    words = [word.format(csv="some.csv", out="out") for word in line]
    words = [word.replace("VALUE", VALUES[kind]) for word in words]
    if (name, key) == ("circuits", "revision"):
        words += ["--samples", "5"]  # a table has none, so all the work is done
    if name == "export":
        words = [tiny if word == "gpt2-small" else word for word in words]
    if (name, key) == ("circuits", "revision"):  # any text is one for a bundled table
        words += ["--samples", "10"]
    with pytest.raises(SystemExit) as stop:
        cli.main([*name.split(), *words])
    done = capsys.readouterr()
    assert stop.value.code in (0, 1, 2, 3), done.err
    assert "this is a bug" not in done.err
    assert not obeyed(done.err), done.err
    assert not obeyed(done.out, keep="\n\t"), done.out
    if stop.value.code in (1, 3):
        (said,) = (line for line in done.err.splitlines() if not line.startswith("note: "))
        assert said.startswith("headgraph: ")
        assert len(said) < 300
