"""What the shells send and expect back; the scripts that they load are the files beside this one.

Click's own scripts end a word of bash at `=`, add a space behind `limit=`, and cut a value of fish
at a comma: values of `-p NAME=VALUE` and lists such as `OQ,OK` need all three to be otherwise.
"""

import faulthandler
import os
from pathlib import Path
from typing import Any

from click import shell_completion as click

VARIABLE = "_HEADGRAPH_COMPLETE"
SECONDS = 4.0
"""Time limit for an answer to Tab."""

_BREAKS = "=:"  # where bash ends a word


class _Headgraph(click.ShellComplete):
    def __init_subclass__(cls) -> None:
        source = Path(__file__).with_name(f"complete.{cls.name}")
        cls.source_template = source.read_text(encoding="utf-8")

    def get_completion_args(self) -> tuple[list[str], str]:
        """Words before the one that is being typed, and that one.

        Shells send the line up to the cursor, and the word at its end, empty after a space.
        """
        line = os.environ["COMP_WORDS"]
        words = click.split_arg_string(line)[1:]
        typing = bool(os.environ["COMP_CWORD"]) and bool(words) and not line[-1:].isspace()
        return (words[:-1], words[-1]) if typing else (words, "")

    def get_completions(self, args: list[str], incomplete: str) -> list[Any]:
        """The completions, each a whole word: click leaves `--run=` off."""
        items = super().get_completions(args, incomplete)
        option, equals, _ = incomplete.partition("=")
        if option.startswith("--") and equals:
            for item in items:
                item.value = f"{option}={item.value}"
        return items

    def complete(self) -> str:
        """Lines for the shell; empty where anything is wrong, as a prompt is no place to say it."""
        with Path(os.devnull).open("w") as nowhere:
            # ends the process even inside a look-up of a host that does not answer
            faulthandler.dump_traceback_later(SECONDS, exit=True, file=nowhere)
            try:
                return super().complete()
            except Exception:
                if os.environ.get("HEADGRAPH_DEBUG"):
                    raise
                return ""
            finally:
                faulthandler.cancel_dump_traceback_later()


class Bash(_Headgraph):
    """Bash: values alone, without what stands before the last `=` or `:` of the word."""

    name = "bash"

    def get_completions(self, args: list[str], incomplete: str) -> list[Any]:
        """The completions as bash counts words."""
        items = super().get_completions(args, incomplete)
        there = incomplete[: 1 + max(incomplete.rfind(character) for character in _BREAKS)]
        for item in items:
            item.value = item.value.removeprefix(there)
        return items

    def format_completion(self, item: Any) -> str:
        """A line: type and value."""
        return f"{item.type},{item.value}"


class Zsh(_Headgraph):
    """Zsh: values with their help; `open` where more of the word is to come."""

    name = "zsh"

    def format_completion(self, item: Any) -> str:
        """Three lines: type, value, help or `_`."""
        kind = "open" if item.type == "plain" and item.value.endswith("=") else item.type
        described = kind == "open" or item.help
        value = item.value.replace(":", r"\:") if described else item.value
        return f"{kind}\n{value}\n{item.help or '_'}"


class Fish(_Headgraph):
    """Fish: values with their help behind a tab."""

    name = "fish"

    def format_completion(self, item: Any) -> str:
        """A line: type, value, help."""
        return f"{item.type},{item.value}" + (f"\t{item.help}" if item.help else "")


SHELLS: dict[str, type[_Headgraph]] = {shell.name: shell for shell in (Bash, Zsh, Fish)}


def register() -> None:
    """Let these answer in place of click's."""
    for name, shell in SHELLS.items():
        click.add_completion_class(shell, name)


def script(shell: str, group: Any, prog_name: str = "headgraph") -> str:
    """What a shell has to load, as text."""
    return SHELLS[shell](group, {}, prog_name, VARIABLE).source()
