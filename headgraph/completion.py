"""`headgraph completion`: the script that lets a shell complete headgraph's lines."""

import os
import sys
from pathlib import Path

import click

from headgraph.base.terminal import say

SHELLS = ("bash", "zsh", "fish")
HOW = {
    "bash": 'eval "$(headgraph completion bash)"',
    "zsh": 'eval "$(headgraph completion zsh)"',
    "fish": "headgraph completion fish | source",
}
"""The line for a shell's start-up file, or to type."""

FILES = {
    "bash": "~/.bashrc",
    "zsh": "~/.zshrc, below compinit",
    "fish": "~/.config/fish/config.fish",
}


def table() -> str:
    """Markdown: each shell, its file, and the line that goes there."""
    rows = [f"| {shell} | {FILES[shell]} | `{HOW[shell]}` |" for shell in SHELLS]
    return "\n".join(["| shell | file | line |", "| --- | --- | --- |", *rows])


@click.command()
@click.argument("shell", type=click.Choice(SHELLS), required=False)
@click.pass_context
def completion(ctx: click.Context, shell: str | None) -> str:
    """Print the script that lets SHELL complete headgraph's command lines with Tab.

    It completes commands, options, stored queries and their parameters, bundled models and tables.
    If a database answers at once, it also completes names of runs, heads and roles. SHELL defaults
    to the shell that you use.

    Example: headgraph completion bash
    """
    from headgraph.shell_completion._shells import script

    shell = shell or Path(os.environ.get("SHELL", "")).name
    if shell not in SHELLS:
        raise click.UsageError(
            f"expected a shell, got {shell or 'none, and SHELL is not set'}: give "
            f"{', '.join(SHELLS[:-1])} or {SHELLS[-1]}"
        )
    if sys.stdout.isatty():
        say(f"add to {FILES[shell]}: {HOW[shell]}")
    return script(shell, ctx.find_root().command).rstrip()
