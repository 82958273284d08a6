"""Favourites, style and guide as text and files; tests/test_browser_kit.py has the real Browser."""

import errno
import io
import json
import re
import zipfile
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest

from headgraph import queries
from headgraph.base.errors import OutputExists
from headgraph.base.names import PAIRINGS
from headgraph.base.palette import DARK, LIGHT, ROLE_ORDER, Theme
from headgraph.graphdb import Graph
from headgraph.graphdb.errors import StatementError
from headgraph.queries.browser import favourites, grass, kit_link, rules, served_files, write_kit
from headgraph.queries.browser.favourites import Favourite
from headgraph.queries.browser.files import archive
from headgraph.queries.errors import KitError


def test_each_stored_query_is_one_favourite_with_its_values() -> None:
    found = {one.name: one for one in favourites("gpt2")}
    assert found.keys() == queries.catalogue().keys()
    for name, one in found.items():
        assert one.text.startswith(f"// {queries.get(name).title}\n")
        assert not re.search(r"\$\w", one.text), name
    assert found["through"].text == queries.filled("through", run="gpt2", head="L4H7")
    assert found["widest_path"].text == queries.filled(
        "widest_path", run="gpt2", source="L0H1", target="L11H10"
    )
    assert '"<the run to compare it with' in found["compare_runs"].text
    titles = [one.title for one in favourites("gpt2")]
    assert titles == sorted(titles, key=str.lower)


def test_favourites_run_on_the_server(gpt2: Graph) -> None:
    """With numbers, texts, lists and every null: all but null are parameters as it is planned."""
    texts = {one.name: one.text for one in favourites("gpt2")}
    params = [(name, it) for name, one in queries.catalogue().items() for it in one.params.values()]
    nulls = {name for name, it in params if it.default is None and not it.required}
    names = {"ioi_circuit", "through", "compare_runs", "runs", "hubs", *nulls}
    answers = {name: gpt2.read(texts[name]) for name in names}
    assert len(answers["ioi_circuit"].rows) > 0
    assert len(answers["through"].rows) == 20
    assert len(answers["compare_runs"].rows) == 0, "the run to compare with is not there"
    assert [row["run"] for row in answers["runs"]] == ["gpt2"]


@pytest.mark.parametrize("one", favourites("gpt2"), ids=lambda one: one.name)
def test_the_server_understands_every_favourite(gpt2: Graph, one: Favourite) -> None:
    """The server checks syntax, names and types in order, up to an unknown name behind the text.

    So it plans nothing, which would take most of the time. Other tests plan each stored query.
    """
    with pytest.raises(StatementError, match=r"Variable `behind` not defined"):
        gpt2.plan(f"CALL () {{\n{one.text}\n}}\nRETURN behind")


@pytest.mark.parametrize("fault", ["size(5)", "e.pk +", "nobody.name", "None", "abs(true)"])
def test_it_would_find_a_fault_in_one(gpt2: Graph, fault: str) -> None:
    text = f"// Title\nMATCH (h:Head) RETURN h.name AS name, {fault} AS x ORDER BY name LIMIT 3"
    with pytest.raises(StatementError) as caught:
        gpt2.plan(f"CALL () {{\n{text}\n}}\nRETURN behind")
    assert "behind" not in caught.value.message


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_the_file_says_what_the_rules_say(theme: Theme) -> None:
    text = grass(theme)
    found = {
        selector: dict(re.findall(r'^  ([\w-]+): "?(.+?)"?;$', body, re.MULTILINE))
        for selector, body in re.findall(r"^([\w.]+) \{\n(.*?)^\}", text, re.MULTILINE | re.DOTALL)
    }
    assert found == rules(theme)
    assert found["node.Head"]["caption"] == "{name}"
    assert found["node.SInhibitionHead"]["color"] == theme.role("s_inhibition").color
    assert found["relationship.OK"]["color"] == theme.pairings["OK"].color
    assert {f"relationship.{name}" for name in PAIRINGS} <= found.keys()
    widths = [found[f"relationship.{name}"]["shaft-width"] for name in ("OQ", "OK", "OV", "QQ")]
    assert len(set(widths)) == 4, "width tells the types apart as colour does"


def test_the_role_that_fills_a_head_comes_last() -> None:
    order = [name for name in rules(LIGHT) if name.endswith("Head") and name != "node.Head"]
    roles = [role for role in reversed(ROLE_ORDER) if role != "task"]
    assert [re.sub(r"node\.|Head$|_", "", name).lower() for name in order] == [
        role.replace("_", "") for role in roles
    ]


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=lambda theme: theme.name)
def test_derived_roles_have_rims_and_no_colour_of_the_literature(theme: Theme) -> None:
    found = rules(theme)
    order = list(found)
    eraser, copier, plain = (found[f"node.{label}"] for label in ("Eraser", "Copier", "Head"))
    assert eraser["color"] == copier["color"] == plain["color"]
    assert eraser["border-color"] != copier["border-color"]
    assert int(eraser["border-width"][:-2]) > int(plain["border-width"][:-2])
    assert order.index("node.Head") < order.index("node.Eraser") < order.index("node.InductionHead")


def test_the_zip_has_a_folder_a_run_and_the_same_bytes_again() -> None:
    by_run = {run: favourites(run) for run in ("a/b", "c")}
    packed = archive(by_run)
    assert packed == archive(by_run)
    with zipfile.ZipFile(io.BytesIO(packed)) as opened:
        assert {name.partition("/")[0] for name in opened.namelist()} == {
            "headgraph a b",
            "headgraph c",
        }
        assert all(re.fullmatch(r"[^/]+/[^/]+\.cypher", name) for name in opened.namelist())
        text = opened.read("headgraph a b/Hubs.cypher").decode()
    assert text == queries.filled("hubs", run="a/b")


def test_runs_whose_names_differ_in_signs_alone_have_a_folder_each() -> None:
    by_run = {run: favourites(run)[:1] for run in ("a/b", "a:b", "A B", "a b 2")}
    with zipfile.ZipFile(io.BytesIO(archive(by_run))) as opened:
        texts = {name.partition("/")[0]: opened.read(name).decode() for name in opened.namelist()}
    assert list(texts) == [f"headgraph {end}" for end in ("a b", "a b 2", "A B 3", "a b 2 2")]
    for run, text in zip(by_run, texts.values(), strict=True):
        assert json.dumps(run) in text


def test_the_folder_is_written_once_and_again_by_force(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "kit"
    files = write_kit(folder, ["<b>x</b>"])
    names = ["guide.html", "favourites.zip", "headgraph.grass", "headgraph-dark.grass"]
    assert [path.name for path in files] == names
    assert "&lt;b&gt;x&lt;/b&gt;" in files[0].read_text("utf-8")
    with pytest.raises(OutputExists) as caught:
        write_kit(folder, ["y"])
    assert str(caught.value) == (
        f"{folder}/guide.html exists already: give another name, or force=True to replace it"
    )
    write_kit(folder, ["y"], force=True)
    assert {path.name for path in folder.iterdir()} == set(names)
    assert "<b>y</b>" in files[0].read_text("utf-8")


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(KitError, match=r"^no folder .*file to write kit into: make it first$"):
        write_kit(tmp_path / "file" / "kit", ["x"])


def test_a_folder_made_for_a_kit_that_cannot_be_written_goes_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr("headgraph.queries.browser.files.beside", full)
    with pytest.raises(KitError, match=r"No space left on device$"):
        write_kit(tmp_path / "new" / "kit", ["x"])
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "there").mkdir()
    with pytest.raises(KitError):
        write_kit(tmp_path / "there" / "kit", ["x"])
    assert list(tmp_path.rglob("*")) == [tmp_path / "there"]


def test_what_is_served_holds_no_run_and_no_secret() -> None:
    files = served_files()
    assert {name.partition("/")[0] for name in files} == {"headgraph"}
    kit = json.loads(files["headgraph/kit.json"])
    assert kit["mark"] == '"<run>"'
    for one in kit["documents"]:
        wanted = queries.get(one["name"]).params["run"].required
        assert (kit["mark"] in one["content"]) == wanted, one["name"]
    assert "password" not in files["headgraph/kit.js"].decode()


def test_the_pages_address_keeps_browsers_own() -> None:
    link = queries.browser_link("http://127.0.0.1:7474/browser/", uri="bolt://127.0.0.1:7687")
    parts = urlsplit(kit_link(link, ["a b", "c&d"], every=True))
    assert parts.path == "/browser/headgraph/kit.html"
    assert parts.query == urlsplit(link).query
    assert parse_qsl(parts.fragment) == [("run", "a b"), ("run", "c&d"), ("every", "1")]
