"""From a model to a table: layers in groups, rows as they come, what is kept of them."""
