"""A database for unit tests in which every write succeeds."""

from dataclasses import dataclass
from typing import Any

from headgraph.graphdb import RecordingGraph
from headgraph.graphdb.connection.runner import Params
from headgraph.graphdb.results.result import Plan, Result

UNKNOWN_DECOYS = (
    "the decoy share of OQ, OK and OV is unknown, because the table has no decoys: "
    "headgraph.compute makes one that has them"
)
"""The note of each load of a table in format 1."""

GPT2 = ("a" * 64, "gpt2", 144, 858)
"""Id, name, heads and edges of a run."""


@dataclass
class WillingGraph(RecordingGraph):
    """Answers writes as a database does in which all goes well; reads come from `answers`."""

    def _find(self, cypher: str) -> Result | Plan | None:
        found = super()._find(cypher)
        return self._made(cypher, self.calls[-1][2]) if found is None else found

    def _made(self, cypher: str, params: Params) -> Result | None:
        if "AS created" in cypher:
            edges = (edge for group in params.get("groups", ()) for edge in group[1])
            made = params.get("heads") or list(edges)
            return counted(len(made))
        if "AS claimed" in cypher:
            return counted(True)
        ones = ("AS runs", "AS published", "AS relabelled")
        if any(word in cypher for word in ones):
            return counted(1)
        return None

    def texts(self, *methods: str) -> list[str]:
        """Statements so far, each on one line, by the methods that ran them."""
        return [" ".join(text.split()) for method, text, _ in self.calls if method in methods]


def counted(value: Any) -> Result:
    """A result of one number."""
    return Result(("n",), ((value,),))
