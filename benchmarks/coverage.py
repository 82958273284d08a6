"""Markdown about transformers' architectures, from docs/data/architectures.csv.

`benchmarks.architectures` writes the file; cog writes docs/reference/families.md.
"""

from collections import defaultdict

from benchmarks import common


def rows() -> list[dict[str, str]]:
    """The lines of the file."""
    return common.rows(common.DOCS / "data" / "architectures.csv")


def shares() -> str:
    """How many model types are read: of models, and of the parts inside others."""
    lines = ["| model types of transformers with softmax attention | read | of | share |",
             "| --- | --- | --- | --- |"]  # fmt: skip
    names = {"model": "whole models", "part": "parts inside another model"}
    for kind, name in names.items():
        states = [row["state"] for row in rows() if row["kind"] == kind]
        read = states.count("read")
        lines.append(f"| {name} | {read} | {len(states)} | {read / len(states):.0%} |")
    return "\n".join(lines)


def read_through_a_part() -> str:
    """The wrappers that are read."""
    from headgraph.pk_engine.models.families.catalogue import families

    names = [row["model_type"] for row in rows() if row["state"] == "read"]
    return ", ".join(f"`{name}`" for name in names if name not in families())


def not_read() -> str:
    """A row for each reason, with the model types that it holds for."""
    found = defaultdict(list)
    for row in rows():
        if row["state"] == "not read":
            reason = row["reason"]
            if reason.startswith("its language part"):
                reason = "its language part is not read"
            found[reason].append(f"`{row['model_type']}`")
    lines = ["| why | model types |", "| --- | --- |"]
    lines += [f"| {reason} | {', '.join(names)} |"
              for reason, names in sorted(found.items(), key=lambda it: -len(it[1]))]  # fmt: skip
    return "\n".join(lines)
