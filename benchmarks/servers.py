"""Loads, stored queries, imports and Cypher on versions of Neo4j that the tests do not run on.

    python -m benchmarks.servers 5.23.0 2025.01.0

Fetches each version's jars with jgo into a folder of its own, without pins, and starts the server
on free ports. Answers are compared with those of the pinned version. Run by hand: each version is
a download of about 130 MB and takes some minutes.
"""

import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pandas as pd

import headgraph
from headgraph import loader, queries
from headgraph.base.terminal import say
from headgraph.graphdb import Graph, connect
from headgraph.graphdb.errors import StatementError
from headgraph.graphdb.server import ANY_PORTS, ServerHome, lifecycle, start, stop
from headgraph.graphdb.server.home import config
from headgraph.graphdb.server.jars import ensure_jars
from headgraph.pk_engine.table.selection import Selection
from headgraph.queries.stored_queries.query import Query
from headgraph.queries.stored_queries.values import example

OLD, NEW = "org.neo4j.server.CommunityEntryPoint", "org.neo4j.server.Neo4jCommunity"
ARTIFACTS = ("org.neo4j:neo4j", "org.neo4j.app:neo4j-server")


def main(versions: list[str]) -> None:
    """Compare the answers of each version with those of the pinned one."""
    with served(config.VERSION) as graph:
        expected = answers(graph)
    for version in versions:
        with served(version) as graph:
            found = answers(graph)
        others = [name for name, answer in found.items() if not same(answer, expected[name])]
        say(f"{version}: {len(found)} answers; other than {config.VERSION}: {others or 'none'}")


@contextmanager
def served(version: str) -> Iterator[Graph]:
    """A connection to an empty server of this version, which is stopped at the end."""
    with tempfile.TemporaryDirectory(prefix=f"neo4j-{version}-") as folder:
        jars = jars_of(version, Path(folder) / "jars")
        home = ServerHome(Path(folder) / "server")
        # without this folder, 2026.02.2 serves no Browser, even from the class path
        (Path(folder) / "server" / "web").mkdir(parents=True)
        entry = OLD if version.startswith("5.") else NEW
        try:
            with (
                patch.object(config, "VERSION", version),
                patch.object(config, "ENTRY_POINT", entry),
                patch.object(lifecycle, "ensure_jars", lambda **_: jars),
            ):
                running = start(home, ports=ANY_PORTS)
            with connect(settings=running.settings()) as graph:
                yield graph
        finally:
            stop(home)


def jars_of(version: str, folder: Path) -> list[Path]:
    """The pinned jars, or those of another version with all that they need at run time."""
    if version == config.VERSION:
        return ensure_jars()
    from jgo.maven import Dependency, MavenContext, PythonResolver

    resolver = PythonResolver()
    context = MavenContext(repo_cache=folder, local_repos=[], resolver=resolver)
    parts = [context.project(*name.split(":")).at_version(version) for name in ARTIFACTS]
    own = [part.artifact() for part in parts]
    _, nodes = resolver.get_dependency_list([Dependency(artifact) for artifact in own])
    needed = [node.dep for node in nodes if node.dep.scope in ("compile", "runtime")]
    artifacts = [*own, *(it.artifact for it in needed)]
    with ThreadPoolExecutor(16) as pool:
        paths = list(pool.map(lambda artifact: Path(artifact.resolve()), artifacts))
    # Browser is no part of the server's own needs
    paths += [path for path in ensure_jars() if path.name.startswith("neo4j-browser-")]
    say(f"{version}: {len(paths)} jars")
    return paths


def answers(graph: Graph) -> dict[str, Any]:
    """Every stored query, a statement, a run that came back from its export, and a drop."""
    loader.load("gpt2-small", graph, run="gpt2", selection=Selection(top_percent=3))
    queries.communities(graph, run="gpt2", write=True)
    found: dict[str, Any] = {}
    for name, query in queries.catalogue().items():
        try:
            found[name] = queries.query(name, graph, run="gpt2", **values(query))
        except StatementError as error:
            say(f"{name}: {error}")
            found[name] = pd.DataFrame({"refused": [1]})
    found["cypher"] = queries.cypher(
        "MATCH (a:Head {run: $run})-[e:OV]->(b) RETURN a.name, b.name, e.pk ORDER BY e.pk_rank",
        graph, run="gpt2",
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "gpt2.json"
        headgraph.export("gpt2", file, graph)
        loader.drop(graph, "gpt2")
        headgraph.import_runs(file, graph)
    found["imported hubs"] = queries.query("hubs", graph, run="gpt2")
    return found


def values(query: Query) -> dict[str, Any]:
    """A value for each parameter without a default."""
    open_ = [it for it in query.params.values() if it.required and it.name != "run"]
    found = {it.name: query.example.get(it.name, example(it.type)) for it in open_}
    return {name: "gpt2" if query.params[name].type == "run" else it for name, it in found.items()}


def same(a: pd.DataFrame, b: pd.DataFrame) -> bool:
    """Whether two answers are equal but for rounding, and the times of the load."""
    a, b = (frame.drop(columns="loaded", errors="ignore") for frame in (a, b))
    if "fact" in a and "fact" in b:
        times = ["loaded_at", "started_at"]
        a, b = (frame[~frame["fact"].isin(times)].reset_index(drop=True) for frame in (a, b))
    try:
        pd.testing.assert_frame_equal(pd.DataFrame(a), pd.DataFrame(b))
    except AssertionError:
        return False
    return True


if __name__ == "__main__":
    main(sys.argv[1:])
