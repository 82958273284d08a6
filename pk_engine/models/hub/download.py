"""Models of the hub, downloaded into the local cache of models.

`fetch` downloads config.json and the weights: safetensors (one file, or the shards in the index),
and PyTorch files only where there are no safetensors. It downloads nothing else of a repository and
never runs its code.

The first request reads the state of the repository; one more follows for each file that the cache
lacks. Each request has a time limit. A commit that is whole in the cache needs no request, unless a
variant of the weights lies there alone. A file appears in the cache when it is complete, so an
interrupted download leaves no broken file.
`pk_engine.models.hub._guard` checks what the hub sends. A large file is compared with its hash.
"""

import hashlib
import importlib.util
from collections.abc import Callable, Collection
from pathlib import Path
from typing import NamedTuple

from headgraph.base.spelling import argument
from headgraph.base.text import quoted
from headgraph.pk_engine.errors import ModelError
from headgraph.pk_engine.models.checkpoint.file_choice import KINDS, choose
from headgraph.pk_engine.models.checkpoint.tensor_files import read_index
from headgraph.pk_engine.models.hub._errors import NoAnswer, host, stating
from headgraph.pk_engine.models.hub._guard import Guard, check_endpoint, check_scheme, guarding

TIMEOUT = 10
"""Seconds for the hub to answer a request about a repository or a file."""


class Snapshot(NamedTuple):
    """The local folder of a repository at one commit."""

    folder: Path
    commit: str


def fetch(
    model: str,
    revision: str | None = None,
    *,
    weights: bool = True,
    variant: str | None = None,
) -> Snapshot:
    """The model at a revision, from the cache or the hub.

    If the hub does not answer, the cached files of the revision are used.

    Args:
        model: a hub id.
        revision: branch, tag or commit; the main branch by default.
        weights: whether to download the weights too, and not only config.json.
        variant: of the weights, such as fp16.

    Raises:
        ModelError: the repository or revision does not exist, is not accessible or has nothing
            usable; or the download failed and the cache lacks the model. No message holds a token.
    """
    check_endpoint()
    found = cached(model, revision, weights=weights, variant=variant)
    sure = found is not None and found.commit == revision and _sure(found, variant)

    def download(names: set[str], commit: str | None, guard: Guard) -> Snapshot:
        return _download(model, revision, commit, names, guard, weights=weights, variant=variant)

    return fetched(model, revision, found, download, sure=sure)


def fetched(
    model: str,
    revision: str | None,
    found: Snapshot | None,
    download: Callable[[set[str], str | None, Guard], Snapshot],
    *,
    sure: bool,
) -> Snapshot:
    """A repository's files, from the cache or the hub.

    Args:
        model: a hub id.
        revision: branch, tag or commit; the main branch by default.
        found: what the cache has, where it has all.
        download: gets the files, from the names of all files, the commit and the guard.
        sure: whether `found` needs no request.

    Raises:
        ModelError: as `fetch`.
    """
    from huggingface_hub import constants

    if found and (constants.HF_HUB_OFFLINE or sure):
        return found
    nowhere = f"{quoted(model, 120)} is no folder here and not whole in the cache of models"
    if constants.HF_HUB_OFFLINE:
        raise ModelError(f"{nowhere}, and HF_HUB_OFFLINE is set: run it once without")
    check_scheme(constants.ENDPOINT)  # before a token is sent
    with guarding() as guard:
        try:
            names, commit = _listing(model, revision)
        except NoAnswer as reason:
            if found:
                return found
            raise ModelError(
                f"{nowhere}, and the hub at {host()} does not answer ({reason}): check the name "
                "and the network, or give the path of a folder that holds the model"
            ) from None
        try:
            return download(names, commit, guard)
        except NoAnswer as reason:
            if guard.dropped:
                raise ModelError(
                    f"the hub at {host()} cannot be trusted with {model}: {guard.dropped}"
                ) from None
            raise ModelError(
                f"the download of {model} broke off ({reason}): run it again, files that are whole "
                "are not fetched twice"
            ) from None


def cached(
    model: str,
    revision: str | None = None,
    *,
    weights: bool = True,
    variant: str | None = None,
) -> Snapshot | None:
    """The cached files of a revision if they are complete, else None; makes no request.

    Raises:
        ModelError: the text is no hub id, or HF_ENDPOINT is no address.
    """
    folder = cached_folder(model, "config.json", revision)
    if folder is None:
        return None
    held = {path.name for path in folder.iterdir() if path.is_file()}
    try:
        wanted = weight_files(held, lambda name: folder / name, variant) if weights else []
    except ModelError:
        if variant is None:
            raise
        wanted = []  # the cache has other weights of the model
    whole = not weights or (bool(wanted) and held.issuperset(wanted))
    return Snapshot(folder, folder.name) if whole else None


def cached_folder(model: str, file: str, revision: str | None = None) -> Path | None:
    """The folder of a revision in the cache, if it has a file; makes no request.

    Raises:
        ModelError: the text is no hub id, or HF_ENDPOINT is no address.
    """
    check_endpoint()
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        path = try_to_load_from_cache(model, file, revision=revision)
    except HFValidationError:
        raise ModelError(
            f"{quoted(model, 120)} is no folder and no hub id: expected a folder with {file}, or "
            "an id such as openai-community/gpt2"
        ) from None
    return Path(path).parent if isinstance(path, str) else None


def _sure(found: Snapshot, variant: str | None) -> bool:
    """Whether the hub would give the same files: a variant that was asked for before may lie alone.

    The repository may have others beside it, which come first where no variant is given.
    """
    choice = choose([path.name for path in found.folder.iterdir()]) if variant is None else None
    return choice is None or choice.variant is None


def weight_files(
    names: Collection[str], get: Callable[[str], Path], variant: str | None = None
) -> list[str]:
    """The files among `names` that hold a model's weights, an index first; empty if there are none.

    `get` returns the path of an index. `TensorFiles` chooses in the same way.
    """
    found = choose(names, variant, index_first=True)
    if found is None:
        return []
    if found.index is None:
        return list(found.files)
    return [found.index, *sorted(set(read_index(get(found.index)).values()))]


def _listing(model: str, revision: str | None) -> tuple[set[str], str | None]:
    """(names of all files, commit) at a revision."""
    from huggingface_hub import HfApi

    with stating(model, revision):
        info = HfApi().model_info(model, revision=revision, timeout=TIMEOUT)
        names = {file.rfilename for file in info.siblings or ()}
        return {name for name in names if isinstance(name, str)}, info.sha


def _download(
    model: str,
    revision: str | None,
    commit: str | None,
    names: set[str],
    guard: Guard,
    *,
    weights: bool,
    variant: str | None,
) -> Snapshot:
    def get(name: str, at: str | None) -> Path:
        with stating(model, revision):
            return get_file(model, name, at, guard)

    _check_usable(model, names)
    known = cached(model, revision, weights=False)
    if known and known.commit == commit:
        folder = known.folder
    else:  # requested by the name of the revision, so that the cache records its commit
        folder = get("config.json", revision).parent
    if weights:
        files = weight_files(names, lambda name: get(name, folder.name), variant)
        _check_weights(model, names, files)
        for name in files:
            get(name, folder.name)
    return Snapshot(folder, folder.name)


def get_file(model: str, name: str, revision: str | None, guard: Guard) -> Path:
    """A file of a repository in the cache, whose bytes match the hash that the hub gave."""
    from huggingface_hub import hf_hub_download

    guard.reset()
    path = Path(hf_hub_download(model, name, revision=revision, etag_timeout=TIMEOUT))
    etag = guard.etag()
    if etag and len(etag) == 64:  # small files are in git, with a hash of 40 digits
        with path.open("rb") as content:
            found = hashlib.file_digest(content, "sha256").hexdigest()
        if found != etag.lower():
            path.resolve().unlink()
            path.unlink(missing_ok=True)
            raise ModelError(
                f"{quoted(name)} of {model} is not what the hub at {host()} said: its sha256 is "
                f"{found[:12]}..., expected {etag[:12]}...; it was removed, run it again"
            )
    return path


def _check_usable(model: str, names: set[str]) -> None:
    if "adapter_config.json" in names:
        raise ModelError(
            f"{model} is an adapter, which changes another model's weights: give its base model, "
            f"and {argument('adapter', model)}"
        )
    if "config.json" not in names and any(name.endswith(".gguf") for name in names):
        raise ModelError(
            f"{model} holds GGUF files on the hub: download one of them and give its path"
        )
    if "config.json" not in names:
        raise ModelError(f"{model} has no config.json on the hub, which says what its tensors are")


def _check_weights(model: str, names: set[str], files: list[str]) -> None:
    if not files:
        raise ModelError(
            f"{model} has no *.safetensors and no pytorch_model.bin on the hub: expected a "
            "repository with either"
        )
    if missing := sorted(set(files) - names):
        raise ModelError(f"the index of {model} names {missing[0]}, which the repository lacks")
    foreign = [name for name in files if name.endswith(KINDS[1][1])]
    if foreign and importlib.util.find_spec("torch") is None:
        raise ModelError(
            f"{model} has no safetensors but {foreign[0]}, which only torch reads: pip install "
            "'headgraph[torch]', or take a repository with safetensors"
        )


def optional_file(model: str, commit: str, name: str) -> Path | None:
    """One more file of a repository at a commit, such as tokenizer.json, beside the weights.

    None where the repository lacks it, or the cache lacks it and the hub does not answer. Callers
    can do without the file.
    """
    from huggingface_hub import constants
    from huggingface_hub.errors import EntryNotFoundError

    if not constants.HF_HUB_OFFLINE:
        check_scheme(constants.ENDPOINT)
    try:
        with guarding() as guard, stating(model, commit):
            try:
                return get_file(model, name, commit, guard)
            except EntryNotFoundError:
                return None
    except NoAnswer:
        return None
