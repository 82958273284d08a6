"""Errors of huggingface_hub as one sentence each, never with a token."""

import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from headgraph.base.text import quoted, short
from headgraph.pk_engine.errors import ModelError


class NoAnswer(Exception):
    """The hub does not answer, or reports a problem of its own."""


@contextmanager
def stating(model: str, revision: str | None) -> Iterator[None]:
    """Turn errors of huggingface_hub and its HTTP library into one sentence; silence their logs."""
    from huggingface_hub.errors import HfHubHTTPError
    from huggingface_hub.utils import logging as talk

    # each major version has another HTTP library; HfHubHTTPError derives from its base error
    transport: type[BaseException] = HfHubHTTPError.__bases__[0]
    verbosity = talk.get_verbosity()
    talk.set_verbosity(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # errors state what matters
            yield
    except HfHubHTTPError as error:
        if error.response is None or error.response.status_code >= 500:
            raise NoAnswer(_reason(error)) from None
        raise ModelError(_refusal(model, revision, error)) from None
    except (LookupError, TypeError, AttributeError, RecursionError, json.JSONDecodeError):
        raise NoAnswer("what answers there is something else") from None
    except (OSError, ValueError, transport) as error:
        raise NoAnswer(_reason(error)) from None
    finally:
        talk.set_verbosity(verbosity)


def _refusal(model: str, revision: str | None, error: Exception) -> str:
    from huggingface_hub.errors import (
        GatedRepoError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    if isinstance(error, GatedRepoError):
        return (
            f"{model} is gated: accept its terms on the hub, then set HF_TOKEN to a token of an "
            "account that has access"
        )
    if isinstance(error, RepositoryNotFoundError):
        return (
            f"{model!r} is no folder here, and the hub has no such model or keeps it private: "
            "check the name; a private one needs HF_TOKEN"
        )
    if isinstance(error, RevisionNotFoundError):
        return (
            f"{model} has no revision {quoted(revision)} on the hub: expected a branch, tag or "
            "commit"
        )
    status = error.response.status_code  # type: ignore[attr-defined]
    if status in (401, 403):
        return f"the hub refuses the token that it was given for {model} ({status}): check HF_TOKEN"
    return f"the hub at {host()} refuses to give {model}: it answers {status}"


def _reason(error: BaseException) -> str:
    """The first line of an error; never the headers of a request, which may hold a token."""
    error = error.__cause__ if isinstance(error, FileNotFoundError) and error.__cause__ else error
    response = getattr(error, "response", None)
    if response is not None:
        return f"status {response.status_code}"
    text = str(error).strip().partition("\n")[0]
    known = short(text, 120) if text and "Bearer" not in text else ""
    return known or type(error).__name__


def host() -> str:
    """The hub's host as the environment gives it, without a user name."""
    from huggingface_hub import constants

    return short(urlsplit(constants.ENDPOINT).netloc.rpartition("@")[2], 80)
