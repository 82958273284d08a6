"""A page beside the local server's Browser that puts favourites and look into Browser's storage.

The page and its data are fixed when the server starts: stored queries with a mark in place of the
run, and both looks. Its address holds names of runs and nothing else, so that a link from elsewhere
cannot bring a statement or a style. Any page can link to it, so it writes nothing before the user
clicks its button.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

from headgraph.base.palette import DARK, LIGHT
from headgraph.queries.browser.favourites import favourites
from headgraph.queries.browser.grass import rules
from headgraph.queries.stored_queries.text import literal

FOLDER = "headgraph"
"""Folder of the files below Browser's address."""
MARK = "<run>"
"""Placeholder of the run, which the page replaces; no run has this name."""
_HERE = Path(__file__).parent


def served_files() -> dict[str, bytes]:
    """Contents of the files by path below Browser's address."""
    pages = {name: (_HERE / name).read_bytes() for name in ("kit.html", "kit.js")}
    pages["kit.json"] = json.dumps(_content(), ensure_ascii=True, sort_keys=True).encode()
    return {f"{FOLDER}/{name}": content for name, content in pages.items()}


def _content() -> dict[str, object]:
    documents = [{"name": one.name, "content": one.text} for one in favourites(MARK)]
    looks = {theme.name: [*map(list, rules(theme).items())] for theme in (LIGHT, DARK)}
    return {"mark": literal(MARK), "documents": documents, "looks": looks}


def kit_link(link: str, runs: Sequence[str], *, every: bool, once: bool = False) -> str:
    """The address of the page, which continues to `link`.

    Args:
        link: a link to Browser, from `browser_link`.
        runs: names of the runs whose favourites the page adds.
        every: whether these are all runs, so that the page removes favourites of other runs.
        once: whether the page continues at once if the user has added these runs before.
    """
    parts = urlsplit(link)
    names = [("run", run) for run in runs] + [("every", "1")] * every + [("once", "1")] * once
    return urlunsplit(
        parts._replace(
            path=f"{parts.path.rstrip('/')}/{FOLDER}/kit.html",
            fragment=urlencode(names, quote_via=quote),
        )
    )


def is_served(browser_url: str, timeout: float = 3.0) -> bool:
    """Whether this Browser serves the page, with the queries and looks of this version."""
    from http.client import HTTPConnection, HTTPException

    parts = urlsplit(browser_url)
    link = HTTPConnection(parts.hostname or "", parts.port, timeout=timeout)
    try:
        for name, content in served_files().items():
            link.request("GET", f"{parts.path.rstrip('/')}/{name}")
            answer = link.getresponse()
            if answer.status != 200 or answer.read() != content:
                return False
    except (OSError, HTTPException):
        return False
    finally:
        link.close()
    return True
