"""Commands that write files or runs, all on one server."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from headgraph import compute, compute_part, loader
from headgraph.graphdb import Graph
from headgraph.graphdb.schema import BEHAVIOURS
from headgraph.pk_engine import Selection
from tests.pk_engine.checkpoints import LLAMA_CONFIG, llama_tensors, save
from tests.tables import random_table
from tests.torture.kills.cluster import Workers
from tests.torture.kills.forks import Forks
from tests.torture.kills.state import Found, files, found
from tests.torture.kills.trial import BEFORE, KILLED, PART, WHOLE

RUNS = ("other", "big")
LAYERS = 8
PARTS = {"a.part": "0-4", "b.part": "5-7"}
OLD = b"what was there before"


class World:
    """A database, and a folder with inputs, outputs, temporary files and a home."""

    def __init__(self, graph: Graph, folder: Path, forks: Forks) -> None:
        self.graph, self.folder, self.forks = graph, folder, forks
        self.workers = Workers()
        self.told: dict[tuple[str, ...], dict[str, str]] = {}
        self.env = {
            "NEO4J_URI": graph.settings.uri,
            "NEO4J_USERNAME": graph.settings.user,
            "NEO4J_PASSWORD": str(graph.settings.password),
            "XDG_DATA_HOME": str(folder / "out" / "data"),
            "HOME": str(folder / "home"),
            "TMPDIR": str(folder / "out" / "tmp"),
        }
        (folder / "home").mkdir()
        self.tables = {
            "other": random_table(2, 3, seed=5, model="test/other"),
            "big": random_table(5, 4, seed=6, model="test/big"),
            "new": random_table(5, 4, seed=7, model="test/big"),
        }
        for name, table in self.tables.items():
            table.write(folder / f"{name}.parquet")
        for number in (1, 2):
            self._behaviour(number)
        _model(folder / "model")
        for pairing in ("OQ", "OK"):
            part = compute(folder / "model", pairings=pairing, selection=Selection(), name="m")
            part.write(folder / f"{pairing}.parquet")
        for name, layers in PARTS.items():
            compute_part(folder / "model", layers, folder / name, selection=Selection(), name="m")
        self.fill()
        for name in ("big", "new"):
            loader.load(self.tables[name], graph, run="big", replace=True)
            loader.export("big", folder / f"{name}.json", graph)

    def _behaviour(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        lines = [f"layer,head,{','.join(BEHAVIOURS)},prompts,seed"]
        for layer in range(5):
            for head in range(4):
                scores = (f"{value:.4f}" for value in rng.random(len(BEHAVIOURS)))
                lines.append(f"{layer},{head},{','.join(scores)},4,{seed}")
        text = "\n".join(lines)
        (self.folder / f"behaviour{seed}.csv").write_text(f"{text}\n", encoding="utf-8")

    def fill(self, *runs: str) -> None:
        """Empty the database, then load these."""
        self.graph.command("MATCH (n) DETACH DELETE n")
        for name in runs:
            loader.load(self.tables[name], self.graph, run=name)

    def clear(self, output: str) -> None:
        """Only an old file in the folder of outputs."""
        shutil.rmtree(self.folder / "out", ignore_errors=True)
        (self.folder / "out" / "tmp").mkdir(parents=True)
        if output:
            (self.folder / "out" / output).parent.mkdir(exist_ok=True)
            (self.folder / "out" / output).write_bytes(OLD)


def _model(folder: Path) -> None:
    """A checkpoint of more layers, and so of more groups."""
    two = llama_tensors()
    tensors = {
        name.replace("layers.0", f"layers.{layer}"): np.roll(values, layer)
        for name, values in two.items()
        for layer in range(LAYERS)
        if "layers.0" in name
    }
    save(folder, tensors, {**LLAMA_CONFIG, "num_hidden_layers": LAYERS})


@dataclass
class Case:
    """A command on the world's server.

    Attributes:
        runs: that are there before; none for a command that leaves the database alone.
        args: its line; `{in}` is the folder of inputs, `{out}` that of outputs.
        undo: brings the database back after a whole command.
        output: a file that it replaces.
        further: a line to heal with after the same command again, which then may fail if the
            killed one had done all.
        victim: the process to kill in place of the command.
        codes: exit codes that the command may have then.
    """

    runs: tuple[str, ...]
    args: str
    undo: Callable[[World], object] = lambda world: None
    output: str = ""
    further: str = ""
    victim: Callable[[World], int | None] = lambda world: None
    codes: tuple[int, ...] = (KILLED,)


def _drop(world: World) -> object:
    return loader.drop(world.graph, "big")


def _load(world: World) -> object:
    return loader.load(world.tables["big"], world.graph, run="big", replace=True)


def _no_communities(world: World) -> None:
    world.graph.write("MATCH (h:Head) REMOVE h.community")
    world.graph.write(
        "MATCH (r:Run) UNWIND [k IN keys(r) WHERE k STARTS WITH 'communities_'] AS k "
        "SET r[k] = null"
    )


BOTH, ONE, NONE = RUNS, ("other",), ()
COMPUTE = "compute {in}/model --all --memory 1e-9 --name m --force -o {out}/t.parquet"
ON_CLUSTER = f"{COMPUTE} --backend numpy --scheduler {{scheduler}}"
CASES = {
    "compute": Case(NONE, COMPUTE, output="t.parquet"),
    "compute --scheduler": Case(NONE, ON_CLUSTER, output="t.parquet"),
    "a Dask worker, during compute": Case(
        NONE,
        ON_CLUSTER,
        output="t.parquet",
        victim=lambda world: world.workers.worker(),
        codes=(0,),
    ),
    "merge": Case(
        NONE,
        "merge {in}/OQ.parquet {in}/OK.parquet --force -o {out}/m.parquet",
        output="m.parquet",
    ),
    "compute --target-layers": Case(
        NONE,
        "compute {in}/model --all --memory 1e-9 --name m --target-layers 2-7 --force "
        "-o {out}/t.part",
        output="t.part",
    ),
    "merge, parts": Case(
        NONE, f"merge {' '.join(f'{{in}}/{part}' for part in PARTS)} --force -o {{out}}/m.parquet",
        output="m.parquet",
    ),
    "load": Case(ONE, "load {in}/big.parquet --run big", _drop),
    "load --replace": Case(BOTH, "load {in}/new.parquet --run big --replace", _load),
    "drop": Case(BOTH, "drop big", _load, further="doctor --yes"),
    "annotate": Case(
        BOTH,
        "annotate big {in}/behaviour2.csv",
        lambda world: loader.annotate(world.folder / "behaviour1.csv", world.graph, "big"),
    ),
    "communities --write": Case(BOTH, "communities --run big --write --seed 3", _no_communities),
    "export": Case(
        BOTH, "export --run big --force -o {out}/e.graphml", output="e.graphml"
    ),
    "export, a folder": Case(
        BOTH, "export --run big --format csv --force -o {out}/e", output="e/nodes.csv"
    ),
    "export --all-runs": Case(
        BOTH, "export --all-runs --force -o {out}/all", output="all/big.json"
    ),
    "import": Case(ONE, "import {in}/big.json", _drop),
    "import --replace": Case(
        BOTH,
        "import {in}/new.json --replace",
        lambda world: loader.import_runs(world.folder / "big.json", world.graph, replace=True),
    ),
    "view": Case(NONE, "view {in}/big.parquet --force -o {out}/v.html", output="v.html"),
    "figure": Case(
        NONE, "figure heatmap {in}/other.parquet --force -o {out}/f.svg", output="f.svg"
    ),
}  # fmt: skip


class Command:
    """A trial of a case; see `trial.Trial`."""

    def __init__(self, name: str, world: World) -> None:
        self.name, self.world, self.case = name, world, CASES[name]
        self.env, self.codes = world.env, self.case.codes
        self.line = self._line(self.case.args)
        self.out = world.folder / "out"

    def _line(self, text: str) -> list[str]:
        places = {"in": str(self.world.folder), "out": str(self.world.folder / "out")}
        if "{scheduler}" in text:
            places["scheduler"] = self.world.workers.address
        return [word.format(**places) for word in text.split()]

    def begin(self) -> None:
        self.world.fill(*self.case.runs)
        if "big" in self.case.runs:  # with the behaviour, and so on, that it has after others
            self.case.undo(self.world)
        self.world.clear(self.case.output)
        self.before = self._look()

    def back(self) -> None:
        self.world.clear(self.case.output)
        if not self.case.runs:
            return
        self.case.undo(self.world)
        now = found(self.world.graph, ()).everything
        assert now == self.before[0].everything, _difference(now, self.before[0].everything)

    def learn(self) -> None:
        self.after = self._look()
        self.around = self._around()

    def victim(self) -> int | None:
        return self.case.victim(self.world)

    def _around(self) -> dict[str, bytes]:
        """The inputs and the home, which no command changes once it has made its caches."""
        places = [it for it in self.world.folder.iterdir() if it.name not in ("out", "server")]
        inputs = {it.name: it.read_bytes() for it in places if it.is_file()}
        folders = {it.name: files(it) for it in places if it.is_dir()}
        return inputs | {
            f"{name}/{at}": data for name, held in folders.items() for at, data in held.items()
        }

    def _look(self) -> tuple[Found, dict[str, bytes]]:
        held = files(self.out)
        if not self.case.runs:  # it leaves the database alone
            return Found([], [], {}), held
        return found(self.world.graph, RUNS, self.world.told), held

    def seen(self) -> tuple[str, list[str]]:
        (there, held), faults = self._look(), []
        (before, old), (after, new) = self.before, self.after
        for name, data in held.items():
            if name in old or name in new:
                if data not in (old.get(name), new.get(name)):
                    faults.append(f"{name} is neither the old file nor the new one")
            elif not (Path(name).name.startswith(".headgraph-") or name.endswith(".partial")):
                faults.append(f"{name} is no temporary file's name")
        missing = [name for name in old if name not in held and name in new]
        faults += [f"{name} is gone" for name in missing]
        changed = all(held.get(name) == data for name, data in new.items() if name != "tmp")
        state, whole = WHOLE, after
        if there.published != after.published or not changed:
            untouched = there.everything == before.everything and held == old
            state, whole = BEFORE if untouched else PART, before
        if there.published not in (before.published, after.published):
            faults.append(f"a part is visible: {_difference(there.published, whole.published)}")
        for asked, answer in there.answers.items():
            if answer not in (before.answers[asked], after.answers[asked]):
                faults.append(f"{asked} answers neither as before nor as after: {answer[:200]}")
        return state, faults

    def healing(self, state: str) -> list[list[str]]:
        lines = [] if self.case.further and state == WHOLE else [self.line]
        return [*lines, *([self._line(self.case.further)] if self.case.further else [])]

    def left(self) -> list[str]:
        (there, held), (after, new) = self._look(), self.after
        faults = []
        if there != after:
            faults.append(f"not whole: {_difference(there.everything, after.everything)}")
        if held != new:
            names = sorted({*held, *new})
            different = [name for name in names if held.get(name) != new.get(name)]
            faults.append(f"files differ: {different}")
        around = self._around()
        if around != self.around:
            names = sorted({*around, *self.around})
            different = [name for name in names if around.get(name) != self.around.get(name)]
            faults.append(f"inputs or the home differ: {different}")
        faults += [f"{process} still runs" for process in self.world.forks.processes()]
        return faults + self.world.workers.left()


def _difference(there: list[str], expected: list[str]) -> str:
    more, fewer = set(there) - set(expected), set(expected) - set(there)
    return f"{len(more)} more {sorted(more)[:2]}, {len(fewer)} missing {sorted(fewer)[:2]}"[:900]
