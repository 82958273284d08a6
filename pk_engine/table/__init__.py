"""The table of scores: columns, metadata, Parquet, and edges between query heads."""
