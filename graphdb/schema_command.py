"""`headgraph schema`."""

import click


@click.command()
def schema() -> str:
    """Print the graph's schema: labels, relationships, properties, conventions and examples.

    The text is for a person, or for a language model that writes Cypher. No database is needed.

    Example: headgraph schema
    """
    from headgraph.graphdb.description import schema_text

    return f"{schema_text()}\n\nRun a statement with: headgraph cypher 'STATEMENT' --run NAME"
