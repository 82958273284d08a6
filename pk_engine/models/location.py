"""The folder of a model, which is given as a bundled name, a path or a hub id.

`pk_engine.models.hub` downloads a hub id. A folder that holds only an adapter stands for its base
model with the adapter in it.
"""

import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from headgraph.base.files.documents import expanded, kind_of, read_json, reason, shown
from headgraph.base.spelling import argument, either
from headgraph.base.text import printable, quoted, short
from headgraph.pk_engine.errors import ModelError
from headgraph.pk_engine.models.checkpoint.adapter_settings import (
    CONFIG,
    AdapterFolder,
    read_settings,
)
from headgraph.pk_engine.models.checkpoint.gguf_file import gguf_in, is_gguf, settings_of_gguf
from headgraph.pk_engine.models.checkpoint.refusals import refuse_stand_in
from headgraph.pk_engine.models.checkpoint.tensor_files import chosen

_PART = re.compile(r"-\d{5}-of-\d{5}$")
"""End of the name of a part of a GGUF file."""
_TENSORS = "adapter_model.safetensors"


class Located(NamedTuple):
    """Where a model is.

    Attributes:
        folder: that holds its weights; or a GGUF file.
        name: as a table records it.
        commit: of a hub id.
        adapter: the adapter to merge in.
        base: what the settings of the adapter name, where that is the model.
    """

    folder: Path
    name: str
    commit: str | None
    adapter: AdapterFolder | None = None
    base: str | None = None


def locate(
    model: str | os.PathLike[str],
    revision: str | None = None,
    *,
    weights: bool = True,
    variant: str | None = None,
) -> Located:
    """Find a model, and download it if it is on the hub.

    Args:
        model: name of a bundled model, folder, or hub id.
        revision: branch, tag or commit of a hub id.
        weights: whether to download the weights too, and not only config.json.
        variant: of the weights to download.

    Raises:
        ModelError: no bundled name, no folder with a model and no id of the hub; or a revision is
            given for a folder; or the base of an adapter is not to be found.
    """
    if folder := adapter_folder(model):
        return _of_adapter(folder, revision, weights=weights, variant=variant)
    local = _local(model)
    if local is None:
        from headgraph.pk_engine.models.hub.download import fetch

        folder, commit = fetch(os.fspath(model), revision, weights=weights, variant=variant)
        return Located(folder, os.fspath(model), commit)
    if revision is not None:
        raise ModelError(
            f"{shown(model)} is a folder here, which has no revision {quoted(revision)}: leave "
            "it out"
        )
    return Located(*local, None)


def adapter_folder(model: str | os.PathLike[str]) -> Path | None:
    """The folder, if it holds an adapter and no weights of a whole model; else None."""
    folder = expanded(model, problem=ModelError)
    if _mode(folder / CONFIG) is None or chosen(folder) is not None:
        return None
    return folder


def with_adapter(located: Located, adapter: str | os.PathLike[str]) -> Located:
    """A model with the adapter in a folder, or of a hub id, merged in.

    Raises:
        ModelError: there is no adapter, the model has one already, or is a GGUF file.
    """
    if adapter == "":
        raise ModelError(f"{argument('adapter')} is empty: expected a folder or a hub id")
    if located.adapter is not None:
        raise ModelError(
            f"{located.name} has an adapter already: give its base with "
            f"{argument('adapter', 'FOLDER')}, and merge the first one in before"
        )
    if is_gguf(located.folder):
        raise ModelError(
            f"no adapter can be merged into {shown(located.folder)}, which is a GGUF file: give "
            "the folder of the model that it was made from"
        )
    found = _adapter_at(adapter)
    return located._replace(name=f"{located.name}+{Path(found.name).name}", adapter=found)


def _adapter_at(adapter: str | os.PathLike[str]) -> AdapterFolder:
    """The folder of an adapter, which is downloaded if it is on the hub."""
    folder, expected = expanded(adapter, problem=ModelError), f"{CONFIG} and {_TENSORS}"
    on_hub = "/" in os.fspath(adapter) and not _looks_local(adapter)  # adapters have an owner
    if _mode(folder) is None and on_hub:
        from headgraph.pk_engine.models.hub.adapters import fetch_adapter

        return AdapterFolder(fetch_adapter(os.fspath(adapter)).folder, os.fspath(adapter))
    if _mode(folder) is None:
        raise ModelError(f"no folder {shown(folder)}: expected one with {expected}")
    if _mode(folder / CONFIG) is None:
        raise ModelError(f"{shown(folder)} is no folder with an adapter: expected {expected}")
    return AdapterFolder(folder, printable(folder.resolve().name))


def _of_adapter(
    folder: Path, revision: str | None, *, weights: bool, variant: str | None
) -> Located:
    """The base of an adapter, which its settings name, with the adapter."""
    settings = read_settings(folder)
    alone = f"the folder {short(shown(folder), 90)} holds only an adapter"
    give = f"give the base model and {argument('adapter', 'FOLDER')}"
    if settings.base is None:
        raise ModelError(f"{alone}, and its {CONFIG} names no base model: {give}")
    base, beside = settings.base, folder / settings.base
    try:
        there = _mode(expanded(base, problem=ModelError)) is not None
        if not there and _mode(beside) is not None:
            base, there = os.fspath(beside), True
        second = adapter_folder(base)
        if not there:  # a folder has no revision
            revision = revision or settings.base_revision
        found = None if second else locate(base, revision, weights=weights, variant=variant)
    except ModelError as error:
        raise ModelError(
            f"{alone}, and its base {quoted(base, 40)} cannot be read "
            f"({short(str(error).partition(': ')[0], 60)}): {give}"
        ) from error
    if found is None:
        raise ModelError(f"{alone} of {quoted(base)}, which is an adapter too: {give}")
    # tables are shared, so they name a folder without where it lies
    named = Path(settings.base).name if there else settings.base
    return with_adapter(found, folder)._replace(base=short(named, 120))


def _local(model: str | os.PathLike[str]) -> tuple[Path, str] | None:
    """(folder, name) of a bundled model or a folder; None for what may be a hub id."""
    from headgraph.pk_engine.bundled import MODELS, TABLES, model_path

    text = os.fspath(model)
    folder = expanded(text, problem=ModelError)
    mode = _mode(folder)
    if text in MODELS and mode is None:
        return model_path(text), text
    if text in TABLES and mode is None:
        loading = either(f"headgraph.load({text!r}, graph)", f"headgraph load {text}")
        raise ModelError(
            f"{text} is bundled as a table of scores, not as a model: {loading} puts it into "
            "Neo4j; the model itself is on the hub, as openai-community/gpt2"
        )
    if mode is not None and stat.S_ISREG(mode) and is_gguf(folder):
        return folder, printable(_PART.sub("", folder.resolve().stem))
    if mode is not None and not stat.S_ISDIR(mode):
        what = "a file" if stat.S_ISREG(mode) else kind_of(mode)
        raise ModelError(
            f"{shown(folder)} is {what}: expected the folder that holds config.json, or a GGUF file"
        )
    if mode is not None:
        # a table stores the name as UTF-8, and a folder's name can be any bytes
        name = printable(folder.resolve().name)
        if file := _gguf_alone(folder):
            return file, name
        if _mode(folder / "config.json") is None:
            raise ModelError(
                f"the folder {shown(folder)} holds no model: expected a config.json beside "
                "*.safetensors, or a GGUF file"
            )
        return folder, name
    if is_gguf(folder):
        raise ModelError(f"no file {shown(text)}: expected a GGUF file, or a folder with a model")
    if _looks_local(model):
        raise ModelError(
            f"no folder {shown(text)}: expected one with config.json and *.safetensors"
        )
    return None


def _looks_local(model: str | os.PathLike[str]) -> bool:
    """Whether a name is a path, and no hub id."""
    text = os.fspath(model)
    return isinstance(model, Path) or text.startswith((".", "/", "~")) or text.count("/") > 1


def _gguf_alone(folder: Path) -> Path | None:
    """The GGUF file of a folder that holds no other weights."""
    try:
        there = any(is_gguf(path) for path in folder.iterdir())
    except OSError:
        return None
    return gguf_in(folder) if there and chosen(folder) is None else None


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Name a GGUF file in errors about its settings, which stand in the place of config.json.

    Raises:
        ModelError: what the block raises.
    """
    try:
        yield
    except ModelError as error:
        text = error.message.marked
        if not is_gguf(path) or "config.json" not in text:
            raise
        raise type(error)(text.replace("config.json", short(path.name))) from error


def _mode(path: Path) -> int | None:
    """The mode of what is at a path, None where nothing is.

    Raises:
        ModelError: the system does not say.
    """
    try:
        return path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise ModelError(f"{shown(path)} cannot be read: {reason(error)}") from error


def read_config(folder: Path) -> dict[str, Any]:
    """The model's config.json, or the settings of a GGUF file.

    Raises:
        ModelError: the file cannot be read as a JSON object, or as GGUF.
    """
    if is_gguf(folder):
        return settings_of_gguf(folder)
    path = folder / "config.json"
    try:
        config: dict[str, Any] = read_json(path, problem=ModelError)
    except ModelError:
        if path.is_file() and os.access(path, os.R_OK):
            refuse_stand_in(path, ModelError)
        raise
    return config
