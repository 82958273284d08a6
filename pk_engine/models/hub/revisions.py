"""Branches of a repository on the hub, and weights of one commit that are there for a while."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from headgraph.base.text import quoted
from headgraph.pk_engine.errors import ModelError
from headgraph.pk_engine.models.hub._errors import NoAnswer, host, stating
from headgraph.pk_engine.models.hub._guard import COMMIT, check_scheme, guarding
from headgraph.pk_engine.models.hub.download import TIMEOUT, Snapshot, cached_folder, fetch

_KEPT = "config.json"
"""Stays when weights are removed: all revisions of a training run share one small file."""


def branches(model: str) -> dict[str, str]:
    """Commit by name of branch; makes one request.

    Args:
        model: a hub id.

    Raises:
        ModelError: the text is no hub id, or the hub does not answer or has no such repository.
    """
    cached_folder(model, _KEPT)  # raises for a text that is no hub id
    from huggingface_hub import constants
    from huggingface_hub.utils._headers import build_hf_headers
    from huggingface_hub.utils._http import get_session, hf_raise_for_status

    if constants.HF_HUB_OFFLINE:
        raise ModelError(
            f"the revisions of {model} are listed by the hub, and HF_HUB_OFFLINE is set: run it "
            "without, or give a folder with a model folder step-N for each checkpoint"
        )
    check_scheme(constants.ENDPOINT)  # before a token is sent
    url = f"{constants.ENDPOINT}/api/models/{model}/refs"
    try:
        # the library's own list of references has no time limit
        with guarding(), stating(model, None):
            answer = get_session().get(url, headers=build_hf_headers(), timeout=TIMEOUT)
            hf_raise_for_status(answer)
            found = {
                str(ref["name"]): str(ref["targetCommit"]) for ref in answer.json()["branches"]
            }
    except NoAnswer as reason:
        raise ModelError(
            f"{quoted(model, 120)} is no folder here, and the hub at {host()} does not list its "
            f"revisions ({reason}): check the name and the network"
        ) from None
    for name, commit in found.items():
        if not COMMIT.fullmatch(commit):  # it becomes part of a path
            raise ModelError(
                f"the hub at {host()} cannot be trusted with {model}: branch {quoted(name, 40)} is "
                f"at commit {quoted(commit, 40)}, expected a hexadecimal number"
            )
    return found


@contextmanager
def fetched_weights(model: str, commit: str, *, remove: bool = False) -> Iterator[Snapshot]:
    """The model at a commit, from the cache or the hub, for the block.

    Args:
        model: a hub id.
        commit: the commit.
        remove: afterwards remove the files that the block fetched. What the cache had before stays,
            as do config.json and files that another commit shares.

    Raises:
        ModelError: as `hub.download.fetch`.
    """
    before = cached_folder(model, _KEPT, commit)
    kept = {_KEPT} | ({path.name for path in before.iterdir()} if before else set())
    try:
        found = fetch(model, commit)
        yield found
    finally:
        folder = cached_folder(model, _KEPT, commit)
        if remove and folder is not None:
            _remove([path for path in folder.iterdir() if path.name not in kept], folder)


def _remove(paths: list[Path], folder: Path) -> None:
    """Remove files of a commit, and their contents where no other commit has them."""
    others = {
        path.resolve()
        for snapshot in folder.parent.iterdir()
        if snapshot != folder
        for path in snapshot.rglob("*")
    }
    for path in paths:
        content = path.resolve()
        path.unlink()
        if content != path and content not in others:
            content.unlink(missing_ok=True)
