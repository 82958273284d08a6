"""A table becomes a run: planned without a database, written in batches, published at once."""
