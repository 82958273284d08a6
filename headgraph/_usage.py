"""Usage errors of all commands, in one form."""

import click

from headgraph.base.text import LONGEST_MESSAGE, sentence


def is_bad_value(error: click.UsageError) -> bool:
    """Whether a value is wrong, rather than the form of the line."""
    return isinstance(error, click.BadParameter) and not isinstance(error, click.MissingParameter)


def usage_error(error: click.UsageError) -> str:
    """The text for wrong usage: the usage line, the way to the help, the error.

    A bad value gives one sentence, as all other errors do.
    """
    text = error.format_message()
    if is_bad_value(error):
        said = text[:1].lower() + text[1:].rstrip(".")
        more = f" ({error.ctx.command_path} --help)" if error.ctx else ""
        start = "headgraph: "
        return f"{start}{sentence(said, LONGEST_MESSAGE - len(start + more) - 1)}{more}"
    if near := getattr(error, "possibilities", None):
        text = f"{error.message.rstrip('.')}. Did you mean {' or '.join(near)}?"
    text = sentence(text, LONGEST_MESSAGE - len("Error: ") - 1)
    if error.ctx is None:
        return f"Error: {text}"
    path = error.ctx.command_path
    usage = " ".join([path, *error.ctx.command.collect_usage_pieces(error.ctx)])
    return f"Usage: {usage}\nTry '{path} --help' for help.\n\nError: {text}"
