"""Reasons to refuse a statement, found from its keywords anywhere in it."""

import re
from collections.abc import Iterator

from headgraph.base.spelling import either
from headgraph.base.text import short
from headgraph.queries.statements.operators import FUNCTION_SPACES, PROCEDURES
from headgraph.queries.statements.tokens import Token, language, semicolons_behind, tokens

LOAD_CSV = "LOAD CSV reads files and addresses"
TRANSACTIONS = "CALL { } IN TRANSACTIONS opens transactions of its own"
SERVER = "it addresses the server, not the graph"
_ADMIN = ("ALTER", "RENAME", "GRANT", "DENY", "REVOKE", "START", "STOP", "ENABLE")
_CLUSTER = ("DEALLOCATE", "REALLOCATE", "DRYRUN")
_FIRST_WORDS = {
    "EXPLAIN": "EXPLAIN gives no rows (every statement is explained here before it runs)",
    "PROFILE": "PROFILE runs a statement to measure it (leave the word out)",
    "CYPHER": (
        "the options after CYPHER change how it is run (only CYPHER 5 or CYPHER 25 may stand there)"
    ),
    "USING": "PERIODIC COMMIT writes in transactions of its own",
    **dict.fromkeys(("BEGIN", "COMMIT", "ROLLBACK"), "headgraph opens and closes transactions"),
    **dict.fromkeys(("SHOW", "TERMINATE"), SERVER),
    **dict.fromkeys(_ADMIN + _CLUSTER, "it administers the server"),
}
# Neo4j turns \uXXXX into a character before it reads words and quotation marks, unless the
# backslash is escaped. Backslashes escape each other in pairs: an odd number leaves one for the u
_UNICODE = re.compile(r"(?<!\\)(?:\\\\)*\\u")
_BEFORE_USE = ("UNION", "NEXT", "THEN", "ELSE")
# Words that may follow a variable called `show`, `terminate` or `use`. Before any other word these
# three begin a clause; since Cypher 25 they can do so in any subquery
_AFTER_A_VARIABLE = {
    *("AND", "AS", "ASC", "ASCENDING", "CALL", "CASE", "CONTAINS", "CREATE", "CSV", "DELETE"),
    *("DESC", "DESCENDING", "DETACH", "ELSE", "END", "ENDS", "FILTER", "FINISH", "FOR"),
    *("FOREACH", "FROM", "GROUP", "IN", "INSERT", "IS", "LET", "LIMIT", "LOAD", "MATCH"),
    *("MERGE", "NEXT", "NODETACH", "OFFSET", "OPTIONAL", "OR", "ORDER", "REMOVE", "RETURN"),
    *("SET", "SKIP", "STARTS", "THEN", "UNION", "UNWIND", "WHEN", "WHERE", "WITH", "XOR"),
    "YIELD",
}
_END = Token("end", "", 0, 0)


def reasons_in_words(cypher: str) -> Iterator[str]:
    """Why a statement is not a plain read, as far as its words show."""
    pieces = tokens(cypher)
    pieces = pieces[len(language(pieces)) :]
    statement = pieces[: len(pieces) - semicolons_behind(pieces)]
    if not statement:
        yield "there is no statement"
        return
    if _UNICODE.search(cypher):
        yield r"it contains \u, which can hide a word (type the character itself)"
    if pieces[0].is_sign(":"):
        yield "a command that begins with a colon is for Neo4j Browser and not Cypher"
    if reason := _FIRST_WORDS.get(pieces[0].keyword):
        yield reason
    if any(piece.is_sign(";") for piece in statement):
        yield "it contains several statements (only one is allowed)"
    # two on either side, so that every word has neighbours
    padded = [_END, _END, *pieces, _END, _END]
    for place in range(2, len(padded) - 2):
        yield from _reasons_at(padded, place)


def _reasons_at(pieces: list[Token], place: int) -> Iterator[str]:
    earlier, before, here, after = pieces[place - 2 : place + 2]
    if here.keyword == "LOAD" and after.keyword == "CSV":
        yield LOAD_CSV
    if here.keyword == "TRANSACTIONS" and (
        before.keyword == "CONCURRENT" or (before.keyword == "IN" and earlier.is_sign("}"))
    ):
        yield TRANSACTIONS
    clause = after.kind == "word" and after.keyword not in _AFTER_A_VARIABLE
    if here.keyword in ("SHOW", "TERMINATE") and clause:
        yield SERVER
    if here.keyword == "USE" and (clause or (after.is_name and _begins_at(pieces, place))):
        given = either("connect(database=...)", "--database")
        yield f"USE chooses another database (give {given} instead)"
    if here.is_name and not before.is_sign("."):
        yield from _reasons_in_name(before, *_whole_name(pieces, place))


def _begins_at(pieces: list[Token], place: int) -> bool:
    """Whether a query can begin here; a WITH that imports variables may precede its USE."""
    earlier, before = pieces[place - 2 : place]
    if before == _END or before.is_sign("{") or before.keyword in _BEFORE_USE:
        return True
    if before.keyword in ("ALL", "DISTINCT") and earlier.keyword == "UNION":
        return True
    if before.is_sign("*"):
        return earlier.keyword == "WITH"
    # `WITH a, b USE` is the only place where two names follow each other after commas
    while before.is_name and earlier.is_sign(","):
        place -= 2
        earlier, before = pieces[place - 2 : place]
    return before.is_name and before.keyword != "DISTINCT" and earlier.keyword == "WITH"


def _whole_name(pieces: list[Token], place: int) -> tuple[str, Token]:
    """The whole name `a.b.c` that begins here, and the token after it."""
    name = pieces[place].text
    while pieces[place + 1].is_sign(".") and pieces[place + 2].is_name:
        place += 2
        name += f".{pieces[place].text}"
    return name, pieces[place + 1]


def _reasons_in_name(before: Token, name: str, after: Token) -> Iterator[str]:
    if "." not in name:
        return  # the name of a procedure or of a plugin's function always has a dot
    if before.keyword == "CALL":
        if name not in PROCEDURES:
            yield reason_for_procedure(name)
    elif after.is_sign("(") and name.partition(".")[0].lower() not in FUNCTION_SPACES:
        yield f"{short(name)} is a function of a plugin, which can do anything"


def reason_for_procedure(name: str) -> str:
    """Why a procedure is refused."""
    return f"the procedure {short(name, 34)} is not one of {', '.join(sorted(PROCEDURES))}"
