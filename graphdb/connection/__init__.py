"""The connection to a database: its address, statements in, rows out, limits and faults."""
