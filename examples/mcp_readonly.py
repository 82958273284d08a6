"""Try Cypher MCP servers in read-only mode; record their answers and what they change.

    python examples/mcp_readonly.py --server PATH/TO/mcp-neo4j-cypher

Starts a Neo4j of its own in a temporary folder, since some of the statements would delete
everything, loads GPT-2 small's strongest 3 % there, and speaks to the MCP server as a client does:
JSON-RPC, a message a line, on its stdin and stdout. What was answered goes to
docs/data/mcp-NAME.txt, and what the database then has that it did not have before. The MCP server
comes from an environment of its own: headgraph does not depend on it.
"""

import argparse
import json
import os
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from headgraph import loader
from headgraph.graphdb import Graph, Settings, connect
from headgraph.graphdb.server import ANY_PORTS, ServerHome, start, stop
from headgraph.pk_engine import Selection

OUT = Path(__file__).parents[1] / "docs/data"
PROTOCOL = "2025-06-18"
RUN = "gpt2-small"
READ = f"""\
MATCH (a:Head {{run: "{RUN}"}})-[e:OK]->(b:InductionHead {{run: "{RUN}"}})
RETURN a.name AS source, b.name AS target, round(e.pk, 2) AS pk ORDER BY e.pk DESC LIMIT 3"""
TRIALS = (
    ("a question", READ),
    ("a write", "MATCH (h:Head) SET h.seen = true"),
    ("a deletion", "MATCH (n) DETACH DELETE n"),
    ("a write inside a read", "MATCH (h:Head) CALL (h) { CREATE (:Seen) } RETURN count(*) AS n"),
    ("an index", "CREATE INDEX seen FOR (h:Head) ON (h.seen)"),
    ("a constraint dropped", "DROP CONSTRAINT headgraph_role_name"),
    ("a user", "CREATE USER eve SET PASSWORD 'twelve-letters' CHANGE NOT REQUIRED"),
    ("a file of the server's", "LOAD CSV FROM 'file:///etc/hostname' AS line RETURN line"),
    ("its settings", "SHOW SETTINGS YIELD name RETURN count(*) > 0 AS listed"),
    ("its users", "SHOW USERS YIELD user RETURN collect(user) AS users"),
    ("a procedure", "CALL dbms.listConfig('server.bolt') YIELD name RETURN count(*) > 0 AS listed"),
    ("a long answer", "RETURN size(range(1, 3000000)) AS numbers"),
)
WIDTH = 200  # kept characters of an answer
STATE = {
    "nodes": "MATCH (n) RETURN count(n) AS it",
    "relationships": "MATCH ()-[e]->() RETURN count(e) AS it",
    "indexes": "SHOW INDEXES YIELD name RETURN name AS it ORDER BY it",
    "constraints": "SHOW CONSTRAINTS YIELD name RETURN name AS it ORDER BY it",
    "users": "SHOW USERS YIELD user RETURN user AS it ORDER BY it",
}


class Server:
    """An MCP server as a child process."""

    def __init__(self, command: str, environ: Mapping[str, str]) -> None:
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(
            [command], stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True, env=environ
        )
        self._asked = 0

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """The answer to a request: its `result`, or its `error`."""
        self._asked += 1
        self._send({"id": self._asked, "method": method, "params": params})
        assert self._process.stdout is not None
        for line in self._process.stdout:
            answer = json.loads(line)
            if answer.get("id") == self._asked:
                return dict(answer)
        raise SystemExit("the MCP server ended without an answer")

    def tell(self, method: str) -> None:
        """A notification, which has no answer."""
        self._send({"method": method})

    def close(self) -> None:
        """End the server as a client does, by closing its stdin."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=30)

    def _send(self, message: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
        self._process.stdin.flush()


def environment(to: Settings) -> dict[str, str]:
    """Address and password in the environment, as a command line can be seen by others.

    The two servers differ in the names: NEO4J_... and NEO4J_MCP_....
    """
    values = {
        "URI": to.uri,
        "USERNAME": to.user,
        "PASSWORD": to.password or "",
        "DATABASE": "neo4j",
        "READ_ONLY": "true",
        "TELEMETRY": "false",
    }
    names = ("NEO4J_", "NEO4J_MCP_")
    return {**os.environ, **{at + name: value for at in names for name, value in values.items()}}


def said(answer: Mapping[str, Any]) -> str:
    """The answer of a tool as one shortened line."""
    result = answer.get("result") or {}
    text = answer.get("error", {}).get("message") or result["content"][0]["text"]
    line = " ".join(text.split())
    short = line if len(line) <= WIDTH else line[:WIDTH] + " ..."
    return f"{'refused' if answer.get('error') or result.get('isError') else 'answered'}: {short}"


def trial(server: Server) -> list[str]:
    """The result of each attempt, line by line."""
    me = {"name": "headgraph-example", "version": "1"}
    hello = server.ask("initialize", protocolVersion=PROTOCOL, capabilities={}, clientInfo=me)
    if "error" in hello:
        return [f"does not start: {hello['error']['message']}"]
    server.tell("notifications/initialized")
    tools = [tool["name"] for tool in server.ask("tools/list")["result"]["tools"]]
    reads = next(name for name in tools if name.startswith("read"))
    lines = [f"tools: {', '.join(tools)}"]
    for what, cypher in TRIALS:
        answer = server.ask("tools/call", name=reads, arguments={"query": cypher})
        lines += ["", f"# {what}", *cypher.splitlines(), said(answer)]
    writes = reads.replace("read", "write")
    answer = server.ask("tools/call", name=writes, arguments={"query": "CREATE (:Seen)"})
    return [*lines, "", f"# the tool {writes}", "CREATE (:Seen)", said(answer)]


def state(graph: Graph) -> dict[str, list[Any]]:
    """The parts of the database that a statement could change."""
    return {what: [row["it"] for row in graph.read(cypher)] for what, cypher in STATE.items()}


def changes(before: dict[str, list[Any]], after: dict[str, list[Any]]) -> list[str]:
    """What was added and what was removed."""
    found = []
    for what, was in before.items():
        new = [f"+ {item}" for item in after[what] if item not in was]
        gone = [f"- {item}" for item in was if item not in after[what]]
        found += [f"{what}: {', '.join(map(str, new + gone))}"] if new or gone else []
    return found or ["nothing"]


def on_a_graph_of_its_own(command: str) -> list[str]:
    """Start a database, load, try each server, and report what changed."""
    home = ServerHome.default()
    running = start(home, ports=ANY_PORTS)
    to = Settings(uri=running.bolt_uri, user=running.user, password=running.password())
    try:
        with connect(settings=to) as graph:
            loader.load("gpt2-small", graph, run=RUN, selection=Selection(top_percent=3))
            before, server = state(graph), Server(command, environment(to))
            try:
                lines = trial(server)
            finally:
                server.close()
            return [*lines, "", "# what changed in the database", *changes(before, state(graph))]
    finally:
        stop(home)


def main() -> None:
    """Try the servers and write the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--server", default="mcp-neo4j-cypher", help="The MCP server's command.")
    parser.add_argument("--version", default="", help="Version of the MCP server, to record.")
    asked = parser.parse_args()
    name = Path(asked.server).name
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_DATA_HOME"] = folder
        lines = on_a_graph_of_its_own(asked.server)
    text = "\n".join([f"{name} {asked.version}".rstrip(), *lines]) + "\n"
    (OUT / f"mcp-{name.removeprefix('mcp-')}.txt").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
