"""The command `headgraph`: a table of commands, their help lines and their modules.

No room is imported until its command runs; `headgraph --help` reads only this table.
"""

import atexit
import gc
import importlib
import os
import sys
from typing import Any, NamedTuple

import click
import rich_click

from headgraph._process import Stopped, is_of_stdout, let_go_of_stdout, open_streams, sigterm_stops
from headgraph.base.errors import HeadgraphError
from headgraph.base.files.documents import reason, shown
from headgraph.base.terminal import say
from headgraph.base.text import LONGEST_MESSAGE, quoted, sentence

_LONGEST = LONGEST_MESSAGE - len("headgraph: ") - 1


class Entry(NamedTuple):
    """One command: its group and line in the help, its place, and whether it lists rows."""

    group: str
    help: str
    where: str
    lists: bool = False


GROUPS = START, SCORE, DATABASE, ASK, LOOK, STUDIES = (
    "Start", "Score", "Database", "Ask", "Look", "Studies",
)  # fmt: skip
"""Groups of the help, in order."""

# where: the module below `headgraph`, and the name in it; commands are sorted by group
COMMANDS = {
    "demo": Entry(START, "See GPT-2's head graph in a local Neo4j.", "demo:demo"),
    "completion": Entry(
        START, "Print the script that completes lines with Tab.", "completion:completion"
    ),
    "compute": Entry(
        SCORE, "Score every pair of heads of a model.", "pk_engine.scoring.command:compute"
    ),
    "plan": Entry(
        SCORE, "Estimate the cost of compute.", "pk_engine.planning.command:plan", lists=True
    ),
    "merge": Entry(
        SCORE,
        "Join what was scored apart: pairings, or target layers.",
        "pk_engine.merging.command:merge",
    ),
    "angles": Entry(
        SCORE,
        "List the principal angles between two heads' subspaces.",
        "pk_engine.angles_command:angles",
        lists=True,
    ),
    "server": Entry(DATABASE, "Start, stop or inspect the local Neo4j.", "_server:server"),
    "load": Entry(DATABASE, "Write a table of scores into Neo4j.", "loader.commands:load"),
    "runs": Entry(DATABASE, "List the runs in the database.", "loader.commands:runs", lists=True),
    "annotate": Entry(
        DATABASE, "Write measured behaviour on a run's heads.", "loader.commands:annotate"
    ),
    "drop": Entry(DATABASE, "Delete a run from the database.", "loader.commands:drop"),
    "export": Entry(
        DATABASE, "Write a graph to files for other tools.", "loader.exports.command:export"
    ),
    "import": Entry(
        DATABASE, "Bring back runs that export wrote.", "loader.imports.command:import_"
    ),
    "doctor": Entry(DATABASE, "Remove what interrupted commands left behind.", "doctor:doctor"),
    "query": Entry(ASK, "Ask a stored query.", "_query:query", lists=True),
    "cypher": Entry(
        ASK, "Ask in Cypher, read-only.", "queries.statements.command:cypher", lists=True
    ),
    "schema": Entry(
        ASK,
        "Print the graph's labels and properties, to write Cypher.",
        "graphdb.commands:schema",
    ),
    "communities": Entry(
        ASK,
        "Find groups of heads with Louvain.",
        "queries.network.command:communities",
        lists=True,
    ),
    "motifs": Entry(
        ASK,
        "Compare motif counts with random graphs of equal degrees.",
        "queries.network.command:motifs",
        lists=True,
    ),
    "view": Entry(LOOK, "Write a page to explore a graph.", "analysis.view.commands:view"),
    "figure": Entry(
        LOOK, "Draw a figure of a table or a model.", "analysis.figures.commands:figure"
    ),
    "diff": Entry(
        LOOK,
        "List the pairs that differ between two tables.",
        "analysis.difference.commands:diff",
        lists=True,
    ),
    "browser": Entry(
        LOOK,
        "Open Neo4j Browser with a stored query typed in.",
        "queries.browser.command:browser",
    ),
    "nulls": Entry(
        STUDIES,
        "Count the pairs that stand out from each null model.",
        "analysis.nulls.commands:nulls",
        lists=True,
    ),
    "informativeness": Entry(
        STUDIES,
        "Measure how far each pairing lies from random subspaces.",
        "analysis.informativeness.commands:informativeness",
        lists=True,
    ),
    "robustness": Entry(
        STUDIES,
        "Measure how folding and centring change each metric.",
        "analysis.robustness.commands:robustness",
        lists=True,
    ),
    "detect": Entry(
        STUDIES,
        "Measure how well scores find labelled heads.",
        "analysis.detection.commands:detect",
        lists=True,
    ),
    "circuits": Entry(
        STUDIES,
        "Test whether labelled circuits are dense in PK.",
        "analysis.detection.commands:circuits",
        lists=True,
    ),
    "behaviour": Entry(
        STUDIES,
        "Measure what heads attend to.",
        "analysis.behaviour.commands:behaviour",
        lists=True,
    ),
    "ablate": Entry(
        STUDIES,
        "Measure the loss without a role's heads, or without hubs.",
        "analysis.ablation.commands:ablate",
        lists=True,
    ),
    "verify-edge": Entry(
        STUDIES,
        "Patch edges and compare the effect with PK.",
        "analysis.patching.commands:verify_edge",
        lists=True,
    ),
    "tokens": Entry(
        STUDIES,
        "List the tokens that lie most in a head's subspaces.",
        "analysis.tokens.commands:tokens",
        lists=True,
    ),
    "trajectory": Entry(
        STUDIES,
        "Follow pairs over the checkpoints of a training run.",
        "analysis.training.commands:trajectory",
        lists=True,
    ),
    "reproduce": Entry(
        STUDIES,
        "Write a page with the paper's tables and figures beside ours.",
        "analysis.reproduction.commands:reproduce",
        lists=True,
    ),
}


class Rooms(rich_click.RichGroup):
    """The commands of `COMMANDS`, imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, or a placeholder with its help line while help is printed."""
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        if not ctx.meta.get("headgraph.running"):
            return rich_click.RichCommand(name=cmd_name, help=entry.help, panel=entry.group)
        module, _, attribute = entry.where.partition(":")
        from headgraph._compose import composed

        command = getattr(importlib.import_module(f"headgraph.{module}"), attribute)
        return composed(command, lists=entry.lists)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """Resolve the command; from here on, `get_command` imports the real one."""
        ctx.meta["headgraph.running"] = True
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from difflib import get_close_matches

            from headgraph.queries.stored_queries.library import catalogue

            near = get_close_matches(args[0], COMMANDS, n=1)
            hint = f" Did you mean {near[0]}?" if near else ""
            if args[0] in catalogue():
                hint = f" It is a stored query: headgraph query {args[0]}."
            ctx.fail(f"No such command {args[0]!r}.{hint}")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; convert Ctrl-C here, as click would print an empty line first."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as stop:
            raise Stopped(stop) from None


@click.group(cls=Rooms, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="headgraph", message="%(prog)s %(version)s")
def headgraph() -> None:
    """Explore how attention heads work together: Projection Kernel scores as a graph in Neo4j.

    Start with `headgraph demo`. Data goes to stdout, everything else to stderr.

    Example: headgraph query hubs --help
    """


@headgraph.result_callback()
def _print(answer: Any, **_: Any) -> None:
    from headgraph._output import emit

    emit(answer)


def main(args: list[str] | None = None) -> None:
    """Run a command line and exit: 0 done, 1 problem, 2 usage, 3 no database, 130 or 143 stopped.

    A bad value is a problem wherever it is found; usage is the form of the line.
    """
    _collect_rarely()
    open_streams()
    if "_HEADGRAPH_COMPLETE" in os.environ:  # a shell requests completions
        from headgraph.shell_completion import register

        register()
    try:
        with sigterm_stops():
            code = headgraph.main(args, prog_name="headgraph", standalone_mode=False)
    except click.Abort as stop:
        code = getattr(stop, "code", 130)
        # the terminal has just shown ^C
        text = ": ".join(["stopped", *stop.args])
        say(f"\n{text}" if code == 130 and sys.stderr.isatty() else text)
    except click.UsageError as error:
        from headgraph._usage import is_bad_value, usage_error

        say(usage_error(error))
        code = 1 if is_bad_value(error) else error.exit_code
    except click.ClickException as error:
        say(f"headgraph: {sentence(error.format_message(), _LONGEST)}")
        code = error.exit_code
    except BrokenPipeError:  # the reader of our output has ended
        let_go_of_stdout()
        code = 0
    except Exception as error:
        code = _state(error)
    sys.exit(code if isinstance(code, int) else 0)


def _collect_rarely() -> None:
    """Collect garbage rarely, and never at exit."""
    gc.set_threshold(100_000, 20, 100)
    atexit.register(_leave_garbage)


def _leave_garbage() -> None:
    if "torch" not in sys.modules:  # libraries below torch report leaked objects of theirs
        gc.freeze()


def _state(error: Exception) -> int:
    """Print an error, or a bug, as one sentence; HEADGRAPH_DEBUG gives the traceback of a bug."""
    if isinstance(error, OSError) and is_of_stdout(error):
        let_go_of_stdout()
        say(f"headgraph: standard output cannot be written: {error.strerror}")
        return 1
    code = getattr(error, "exit_code", None)
    if code is None and os.environ.get("HEADGRAPH_DEBUG"):
        raise error
    text = _stated(error) if code is not None else _from_outside(error) or (
        f"this is a bug in headgraph ({type(error).__name__}: {error}); "
        "HEADGRAPH_DEBUG=1 shows where"
    )  # fmt: skip
    say(f"headgraph: {sentence(text, _LONGEST)}")
    return code or 1


def _stated(error: Exception) -> str:
    return error.for_command_line() if isinstance(error, HeadgraphError) else str(error)


def _from_outside(error: Exception) -> str | None:
    """The sentence for a fault from outside: a refused file, bytes that are not text; or None."""
    if isinstance(error, UnicodeEncodeError) and error.reason == "surrogates not allowed":
        around = error.object[max(0, error.start - 20) : error.start + 20]
        return (
            f"{quoted(around)} has half of a character, which is not UTF-8: give names and "
            "values in UTF-8"
        )
    if isinstance(error, OSError) and error.filename is not None:
        return f"{shown(error.filename)} cannot be used: {reason(error)}"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}; HEADGRAPH_DEBUG=1 shows where"
    return None


if __name__ == "__main__":
    main()
