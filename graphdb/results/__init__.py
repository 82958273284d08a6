"""What statements return: rows, plans, nodes and relationships as plain data and as JSON."""
