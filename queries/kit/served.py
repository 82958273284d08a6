"""The page beside the local server's Browser that offers favourites and look for its storage.

The page and what it knows stand still once the server has started: stored queries with a mark in
the place of the run, and both looks. The address names the runs and nothing else, so that a link
from elsewhere can bring no statement and no style of its own; and the page writes nothing before
its button is clicked, as any page can link to it.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

from headgraph.base.palette import DARK, LIGHT
from headgraph.queries.kit.favourites import favourites
from headgraph.queries.kit.grass import rules
from headgraph.queries.paste import literal

FOLDER = "headgraph"
"""Where the files lie under Browser's own address."""
MARK = "<run>"
"""Stands in the place of the run; no run can be found by it before the page names one."""
_HERE = Path(__file__).parent


def served_files() -> dict[str, bytes]:
    """The files by their names under Browser's address."""
    pages = {name: (_HERE / name).read_bytes() for name in ("kit.html", "kit.js")}
    pages["kit.json"] = json.dumps(_content(), ensure_ascii=True, sort_keys=True).encode()
    return {f"{FOLDER}/{name}": content for name, content in pages.items()}


def _content() -> dict[str, object]:
    documents = [{"name": one.name, "content": one.text} for one in favourites(MARK)]
    looks = {theme.name: [*map(list, rules(theme).items())] for theme in (LIGHT, DARK)}
    return {"mark": literal(MARK), "documents": documents, "looks": looks}


def kit_link(link: str, runs: Sequence[str], *, every: bool) -> str:
    """The address of the page that goes on to `link`.

    Args:
        link: of Browser, as `browser_link` makes it.
        runs: whose favourites to put there.
        every: whether these are all runs, so that favourites of others go.
    """
    parts = urlsplit(link)
    names = [("run", run) for run in runs] + [("every", "1")] * every
    return urlunsplit(
        parts._replace(
            path=f"{parts.path.rstrip('/')}/{FOLDER}/kit.html",
            fragment=urlencode(names, quote_via=quote),
        )
    )


def is_served(browser_url: str, timeout: float = 3.0) -> bool:
    """Whether this Browser has the page, with the queries and looks of this version."""
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
