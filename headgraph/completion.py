"""`headgraph completion`: the script by which a shell completes headgraph's lines."""

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
"""The line that makes a shell complete, in its start-up file or typed."""

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
    """Print what SHELL has to load so that Tab completes headgraph's lines.

    Commands, options, stored queries and their parameters, bundled models and tables; names of
    runs, heads and roles too where a database answers at once. Without SHELL it is the one that
    you use.

    Example: headgraph completion bash
    """
    from headgraph.shell_completion._shells import script

    shell = shell or Path(os.environ.get("SHELL", "")).name
    if shell not in SHELLS:
        raise click.UsageError(
            f"which shell? {shell or 'SHELL is not set'}: give one of {', '.join(SHELLS)}"
        )
    if sys.stdout.isatty():
        say(f"in {FILES[shell]}: {HOW[shell]}")
    return script(shell, ctx.find_root().command).rstrip()
