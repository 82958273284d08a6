"""Every kind of input: a good one, and the code that reads it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from headgraph import compute_part, export, plan
from headgraph.analysis.errors import PatchingError
from headgraph.analysis.running.prompts import prompt_lines, token_numbers
from headgraph.analysis.tokens.vocabulary import vocabulary
from headgraph.analysis.training.checkpoints import LOSSES, checkpoints
from headgraph.analysis.wiring._behaviour import read_strengths
from headgraph.base.files.rows import check_numbers, read_csv
from headgraph.graphdb.connection.settings import resolve
from headgraph.loader._annotate import _checked, _one
from headgraph.loader.imports.reading import read
from headgraph.pk_engine.labels import read_labels
from headgraph.pk_engine.linalg.backends import Backend
from headgraph.pk_engine.models.families.catalogue import read_family
from headgraph.pk_engine.models.families.class_defaults import FOLDER
from headgraph.pk_engine.planning.machine import Machine
from headgraph.pk_engine.scoring.cluster.client import _address_in
from headgraph.pk_engine.table.affinity import AffinityTable
from headgraph.pk_engine.table.meta import TableMeta
from headgraph.queries.statements.guard import refuse_words
from headgraph.queries.statements.input import given_values, split_params
from headgraph.queries.statements.tokens import language, tokens
from headgraph.queries.stored_queries.library import catalogue
from headgraph.queries.stored_queries.values import convert
from tests.pk_engine.adapters import by_hand
from tests.pk_engine.checkpoints import LLAMA_CONFIG, llama_tensors, save
from tests.pk_engine.checkpoints import read as read_layers
from tests.tables import random_table
from tests.torture import inner

STATEMENT = """CYPHER 5 MATCH p = (a:Head {run: $run})-[e:OK|OV*1..2]->(b:`Head`) // into
WHERE e.pk > $least AND e.z < $most AND NOT a.name IN ['L0H1', "x\\"y"] /* not these */
CALL (a) { MATCH (a)-[:OQ]->(c) RETURN count(c) AS n }
RETURN a.name AS name, b{.*, n: n}, max(e.pk) ORDER BY name SKIP 1 LIMIT 5"""


@dataclass(frozen=True)
class Kind:
    """One kind of input.

    Attributes:
        make: writes a good input, with what must lie beside it, into an empty folder, and returns
            the file that is then changed.
        use: reads the changed file.
    """

    make: Callable[[Path], Path]
    use: Callable[[Path], object]


def _text(name: str, content: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        (folder / name).write_text(content, encoding="utf-8")
        return folder / name

    return make


def _checkpoint(name: str) -> Callable[[Path], Path]:
    return lambda folder: save(folder, llama_tensors(), LLAMA_CONFIG, shards=2) / name


def _safetensors(folder: Path) -> Path:
    return save(folder, llama_tensors(), LLAMA_CONFIG) / "model.safetensors"


def _torch(folder: Path) -> Path:
    import torch

    save(folder, llama_tensors(), LLAMA_CONFIG)
    (folder / "model.safetensors").unlink()
    held = {name: torch.from_numpy(value) for name, value in llama_tensors().items()}
    torch.save(held, folder / "pytorch_model.bin")
    return folder / "pytorch_model.bin"


def _gguf(folder: Path) -> Path:
    from tests.pk_engine import gguf_models

    source = save(folder / "source", llama_tensors(), LLAMA_CONFIG)
    return gguf_models.llama(source, LLAMA_CONFIG, folder / "model.gguf")


def _adapter(name: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        return by_hand(folder) / name

    return make


def _table(folder: Path) -> Path:
    return random_table(3, 2).write(folder / "t.parquet")


def _part(folder: Path) -> Path:
    """A part with all layers, which is read without others."""
    model = save(folder / "model", llama_tensors(), LLAMA_CONFIG)
    return compute_part(model, "0-1", folder / "t.part", backend="numpy")


def _export(ending: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        export(random_table(3, 2), folder / f"t.{ending}")
        return folder / f"t.{ending}"

    return make


def _machine(folder: Path) -> Path:
    save(folder, llama_tensors(), LLAMA_CONFIG)
    backend = Backend("numpy")
    rates = {"forming": 2.5e10, "products": 5e10, "blocks": 4e10, "reading": 6e7, "singular": 1e9}
    machine = Machine(backend, rates, threads=16, memory=2**37, processor="x86_64")
    return machine.write(folder / "machine.json")


def _family(folder: Path) -> Path:
    (folder / "gemma3.toml").write_bytes((FOLDER / "gemma3.toml").read_bytes())
    return folder / "gemma3.toml"


def _losses(folder: Path) -> Path:
    for step in (0, 20):
        (folder / f"step-{step}").mkdir()
    return _text(LOSSES, "step,loss,seed\n0,5.5,1\n20,1e-3,1\n")(folder)


def _plan(path: Path) -> None:
    plan(path.parent, machine=path).frame()


@cache
def _about() -> TableMeta:
    return random_table(3, 2).meta


def _labels(path: Path) -> None:
    read_labels(path, _about())


def _rows(path: Path) -> None:
    rows = read_csv(path)
    check_numbers(rows, ["pk", "effect"], source=path.name)


def _strengths(path: Path) -> None:
    read_strengths(path, {(layer, head) for layer in range(2) for head in range(2)})


def _annotated(path: Path) -> None:
    rows, _ = _checked(path)
    _one(rows, "prompts")


def _prompts(path: Path) -> None:
    token_numbers(prompt_lines(path, PatchingError), PatchingError)


def _decoded(path: Path) -> str:
    """As the command line decodes what it is given."""
    return path.read_bytes().decode("utf-8", "surrogateescape")


def _statement(path: Path) -> None:
    _, statement = split_params(_decoded(path))
    language(tokens(statement))
    refuse_words(statement)


def _values(path: Path) -> None:
    """Lines NAME=VALUE, for a statement and for stored queries."""
    given_values(_decoded(path).split("\n"), STATEMENT)


def _parameters(path: Path) -> None:
    """Lines TYPE=VALUE, each for a parameter of that type."""
    types = {param.type: param for query in catalogue().values() for param in query.params.values()}
    for line in _decoded(path).split("\n"):
        name, _, value = line.partition("=")
        if name in types:
            convert(types[name], value)


ENV = """# Neo4j
NEO4J_URI=bolt://127.0.0.1:7687
NEO4J_USERNAME="neo4j"
export NEO4J_PASSWORD='se${cr}et'
NEO4J_DATABASE=neo4j
"""
HEADS = 'layer,head,role,note\n0,1,induction,é\n1,0,previous_token,"a, b"\n1,1,induction,\n'
ROWS = "source,target,pk,effect\nL0H1,L1H1,2.5,-0.25\nL0H0,L1H0,1e-3,4\n"

SCORES = """layer,head,behaviour,score,induction,prompts
0,1,induction,0.5,0.25,4
0,1,previous_token,1,0.5,4
1,0,induction,0,,4
"""
SCHEDULER = '{"type": "Scheduler", "id": "S-1", "address": "tcp://10.0.0.1:8786", "workers": {}}'
PARAMETERS = """head=L4H7
count=5
role=induction
list of pairing=OQ,OK
circuit=ioi
pk or z or rank=z
kind=identity
float=0.5
2 to 4=3
"""

KINDS: dict[str, Kind] = {
    "safetensors": Kind(_safetensors, lambda path: read_layers(path.parent)),
    "config.json": Kind(_checkpoint("config.json"), lambda path: read_layers(path.parent)),
    "shard index": Kind(
        _checkpoint("model.safetensors.index.json"), lambda path: read_layers(path.parent)
    ),
    "torch file": Kind(_torch, lambda path: read_layers(path.parent)),
    "GGUF": Kind(_gguf, read_layers),
    "adapter": Kind(_adapter("adapter_model.safetensors"), lambda path: read_layers(path.parent)),
    "adapter settings": Kind(
        _adapter("adapter_config.json"), lambda path: read_layers(path.parent)
    ),
    "table": Kind(_table, AffinityTable.read),
    "part of a table": Kind(
        _part, lambda path: inner.joined(path, path.read_bytes()[: -inner.HASH])
    ),
    "header of safetensors": Kind(inner.header, inner.read_header),
    "pickle of a torch file": Kind(inner.pickled, inner.read_pickled),
    "metadata of a table": Kind(inner.metadata, inner.read_metadata),
    "facts of a part": Kind(inner.facts, inner.read_facts),
    "tokenizer": Kind(inner.tokenizer, lambda path: vocabulary(path.parent, 6)),
    "losses of checkpoints": Kind(_losses, lambda path: checkpoints(path.parent)),
    "scheduler file": Kind(_text("scheduler.json", SCHEDULER), _address_in),
    "labels": Kind(_text("labels.csv", HEADS), _labels),
    "rows of results": Kind(_text("rows.csv", ROWS), _rows),
    "behaviour scores": Kind(_text("scores.csv", SCORES), _strengths),
    "scores to annotate": Kind(_text("scores.csv", SCORES), _annotated),
    "prompts": Kind(_text("prompts.txt", "1 2 3\n4 5 6 7\n8 9\n"), _prompts),
    "family file": Kind(_family, read_family),
    "machine file": Kind(_machine, _plan),
    "env file": Kind(_text("aura.env", ENV), lambda path: resolve(env_file=path, environ={})),
    "node-link export": Kind(_export("json"), read),
    "GraphML export": Kind(_export("graphml"), read),
    "Cypher export": Kind(_export("cypher"), read),
    "Cypher statement": Kind(_text("statement.cypher", STATEMENT), _statement),
    "values of a statement": Kind(
        _text("values.txt", 'most="x"\nleast=[1, {"a": 2.5e3}]'), _values
    ),
    "values of stored queries": Kind(_text("params.txt", PARAMETERS), _parameters),
}
