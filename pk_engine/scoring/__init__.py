"""From a model to a table: layers in groups, scores in rows, and the rows that are kept."""
