"""Cypher that users write: checked first, then run within limits.

input       a statement from stdin, and the line of parameters above it
tokens      a statement in words, names, strings and signs
words       reasons to refuse a statement, found from its keywords
operators   the operators of Neo4j's plans that only read the graph
guard       words and plan together: only a plain read of the graph passes
plans       the plan of a statement as rows
run         the public function `cypher`
hints       names in a statement that the database does not have
command     `headgraph cypher`
"""
