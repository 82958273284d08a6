"""What runs are called, and how one is told from another."""

import hashlib
import json
import re
import secrets

from headgraph.base.text import quoted
from headgraph.loader.errors import BadRunName
from headgraph.pk_engine.scoring.selection import Selection
from headgraph.pk_engine.table.meta import TableMeta

SHORT = 12
"""How many characters of its id name a run that has no name (yet, or no longer)."""

_LONGEST = 64
_NAME = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._-]{{0,{_LONGEST - 1}}}")


def default_name(meta: TableMeta) -> str:
    """A run's name from its model: the last part of the path, in lower case.

    What is neither letter, digit, dot, underscore nor hyphen becomes a hyphen; a checkpoint of a
    training run gets its step: `EleutherAI/Pythia 160m` at step 512 is `pythia-160m-step512`.
    """
    name = re.split(r"[/\\]", meta.model.rstrip("/\\"))[-1]
    step = "" if meta.step is None else f"-step{meta.step:.15g}"
    room = _LONGEST - len(step)
    safe = re.sub(r"[^a-z0-9._-]+", "-", name.lower()).strip("-._")[:room]
    return re.sub(r"[^a-z0-9._-]", "", f"{safe or 'run'}{step}")


def check_name(name: str) -> str:
    """The name, when a run may be called so.

    Raises:
        BadRunName: characters that would need quoting somewhere, or too many of them.
    """
    if not _NAME.fullmatch(name):
        raise BadRunName(
            f"{quoted(name, 80)} cannot be the name of a run: expected up to {_LONGEST} letters, "
            "digits, dots, "
            "underscores and hyphens, a letter or digit first, such as --run gpt2-small"
        )
    return name


def run_id(name: str, table_sha256: str, selection: Selection) -> str:
    """Id of the run that this name, table and selection make; 64 hexadecimal digits."""
    parts = json.dumps([name, table_sha256, selection.to_json()], sort_keys=True)
    return hashlib.sha256(parts.encode()).hexdigest()


def new_token() -> str:
    """A random word that tells one attempt at a load from every other."""
    return secrets.token_hex(8)
