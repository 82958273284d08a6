"""`headgraph merge`: join what was scored apart."""

import click

from headgraph.base.terminal import say


@click.command()
@click.argument("tables", metavar="TABLE...", nargs=-1, required=True)
@click.option("-o", "--output", metavar="FILE", required=True, help="Parquet file to write.")
@click.option("--force", is_flag=True, help="Replace an existing output file.")
def merge(tables: tuple[str, ...], output: str, force: bool) -> str:
    """Join tables of one model whose pairings were scored apart, or parts by target layers.

    A part is what compute --target-layers writes; each target layer must be there once.
    Weights, shape and all options must be the same, or the command names what differs.

    Example: headgraph merge oq.parquet ok.parquet -o both.parquet
    """
    from headgraph.pk_engine.merging._merge import merge as join
    from headgraph.pk_engine.table.affinity import table_file

    table_file(output, force=force)
    table = join(*tables)
    path = table.write(output, force=force)
    say(repr(table))
    return str(path)
