"""LoRA adapters of the hub, downloaded into the local cache as models are (`hub.download`)."""

from pathlib import Path

from headgraph.pk_engine.errors import ModelError
from headgraph.pk_engine.models.checkpoint.adapter import FILES
from headgraph.pk_engine.models.checkpoint.adapter_settings import CONFIG
from headgraph.pk_engine.models.hub._errors import stating
from headgraph.pk_engine.models.hub._guard import Guard
from headgraph.pk_engine.models.hub.download import Snapshot, cached_folder, fetched, get_file


def fetch_adapter(name: str) -> Snapshot:
    """The adapter of the main branch, from the cache or the hub: its settings and its tensors.

    Args:
        name: a hub id.

    Raises:
        ModelError: the repository does not exist, is not accessible or holds no adapter; or the
            download failed and the cache lacks the adapter. No message holds a token.
    """
    folder = cached_folder(name, CONFIG)
    whole = folder is not None and any((folder / file).is_file() for file in FILES)
    found = Snapshot(folder, folder.name) if folder is not None and whole else None

    def download(names: set[str], commit: str | None, guard: Guard) -> Snapshot:
        file = next((file for file in FILES if file in names), None)
        if CONFIG not in names or file is None:
            raise ModelError(
                f"{name} is no adapter on the hub: expected a repository with {CONFIG} and "
                f"{FILES[0]}"
            )
        at = Path(_get(name, CONFIG, None, guard)).parent  # by the branch: the cache records it
        _get(name, file, at.name, guard)
        return Snapshot(at, at.name)

    return fetched(name, None, found, download, sure=False)


def _get(name: str, file: str, revision: str | None, guard: Guard) -> Path:
    with stating(name, revision):
        return get_file(name, file, revision, guard)
