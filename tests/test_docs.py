"""What README and docs/ promise is run; what they list is what there is."""

import inspect
import re
import shlex
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from cogapp import Cog

import headgraph._docs as generated
from headgraph import cli
from headgraph.graphdb import Graph
from headgraph.graphdb.server import RunningServer
from tests.commands import STRICT, headgraph, headgraph_process
from tests.test_cli import ROOT

README = (ROOT / "README.md").read_text("utf-8")
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def test_what_is_listed_is_what_there_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As `make docs-check`, in this process, which has imported most of what the pages ask."""
    pages = [page for page in PAGES if "[[[cog" in page.read_text("utf-8")]
    assert {page.name for page in pages} >= {
        "commands.md",
        "python.md",
        "queries.md",
        "settings.md",
    }
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, "path", [*sys.path])
    code = Cog().main(["cog", "--check", *map(str, pages)])
    assert code == 0, f"make docs writes them again\n{capsys.readouterr()}"


def test_every_command_and_query_has_its_section() -> None:
    from headgraph import queries

    commands = (ROOT / "docs/reference/commands.md").read_text("utf-8")
    for name in cli.COMMANDS:
        assert f"## headgraph {name}" in commands
    stored = (ROOT / "docs/reference/queries.md").read_text("utf-8")
    for name in queries.catalogue():
        assert f"## `{name}`" in stored


def test_every_version_of_graph_and_table_says_what_is_new_and_what_to_do() -> None:
    from headgraph.graphdb import schema
    from headgraph.pk_engine.table.meta import FORMAT_VERSION

    page = (ROOT / "docs/reference/graph.md").read_text("utf-8")
    graph, table = page.split("## Versions")[1].split("## ")[0].split("| table format |")
    for notes, newest in ((graph, schema.VERSION), (table, FORMAT_VERSION)):
        rows = re.findall(r"^\| (\d+)[^|]*\|([^|]*)\|([^|]*)\|$", notes, re.MULTILINE)
        assert [int(number) for number, *_ in rows] == list(range(1, newest + 1))
        assert all(new.strip() and do.strip() for _, new, do in rows[1:])


def test_every_public_function_has_its_section_with_its_parameters() -> None:
    import headgraph

    page = (ROOT / "docs/reference/python.md").read_text("utf-8")
    for name in headgraph.__all__:
        section = page.partition(f"## `{name}`\n")[2].partition("\n## ")[0]
        assert section, name
        for parameter in inspect.signature(getattr(headgraph, name)).parameters:
            assert re.search(rf"\b{parameter}\b", section), (name, parameter)
    assert "| `selection` | what to keep, by default the strongest 3 %" in page
    assert "selection=Selection(top_percent=3)," in page


def test_a_setting_without_a_line_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(generated.SETTINGS, "NEO4J_URI")
    with pytest.raises(LookupError, match="NEO4J_URI"):
        generated.settings()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r'(?:\]\(|src="|srcset=")([^)"#]+)', page.read_text("utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), target


def sections(page: Path) -> set[str]:
    """What a link to a section of a page may say after #."""
    titles = re.findall(r"^#+ (.*)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_to_sections_lead_somewhere(page: Path) -> None:
    for target, section in re.findall(r"\]\(([^)#]*)#([^)]+)\)", page.read_text("utf-8")):
        if "://" not in target:
            assert section in sections(page.parent / target if target else page), section


def test_no_two_pages_have_a_line_that_writes_the_same_file() -> None:
    """Whoever follows one page and then another is not told that the file exists."""
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    lines = [line for page in pages if page.name != "commands.md"
             for line in page.read_text("utf-8").splitlines()]  # fmt: skip
    asked = r"^(?:\$ )?headgraph .*?(?:-o|--html|--labels-out) ([\w.-]+)"
    names = Counter(found[1] for line in lines if (found := re.match(asked, line)))
    assert len(names) > 20
    assert {name: n for name, n in names.items() if n > 1} == {}


def test_the_index_and_the_site_have_every_page() -> None:
    docs = ROOT / "docs"
    linked = set(re.findall(r"\]\(([^)#:]+\.md)", (docs / "index.md").read_text("utf-8")))
    there = {str(page.relative_to(docs)) for page in docs.rglob("*.md")}
    assert linked == there - {"index.md"}
    assert set(re.findall(r"- ([\w/-]+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.M)) == there


def test_the_readme_is_short() -> None:
    assert len(README.splitlines()) < 120


def blocks(kind: str, text: str = README) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def test_the_first_steps_work(
    server: RunningServer, graph: Graph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    more = (ROOT / "docs/start/first-steps.md").read_text("utf-8")
    found = [*blocks("console"), *blocks("console", more)]
    lines = [line[2:] for block in found for line in block.splitlines()]
    assert len(lines) > 20
    for place, line in enumerate(lines):
        name, *args = shlex.split(line)
        assert name == "headgraph"
        # the first as a user runs it
        done = headgraph(*args) if place else headgraph_process(*args)
        assert done.returncode == 0, f"{line}\n{done.stderr}"
        assert done.stdout.strip(), line
    assert server.bolt_uri in headgraph_process("server", "status").stdout
    assert graph.read("MATCH (r:Run) RETURN collect(r.name)").single() == ["gpt2-small"]


@pytest.mark.usefixtures("graph")
def test_the_python_example_works(tmp_path: Path) -> None:
    (code,) = blocks("python")
    done = subprocess.run(
        [sys.executable, *STRICT, "-c", code], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert "L0H7" in done.stdout, "it shows the strongest edges"
    assert (tmp_path / "tiny.svg").stat().st_size > 1000


def test_no_address_of_a_registry_or_hub_in_the_repository() -> None:
    files = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True).stdout
    names = ["pypi" + ".org", "maven" + ".org", "npmjs" + ".org", "hugging" + "face.co"]
    for name in files.split():
        path = ROOT / name
        if path.is_file() and path.suffix in (".py", ".md", ".toml", ".txt", ".yml", ".cypher", ""):
            text = path.read_text("utf-8")
            assert not [host for host in names if host in text], name
