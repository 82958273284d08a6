"""Answers to stored queries, as a table or as a graph.

runner      the public functions `query`, `node_link` and `over_series`
runs        the complete runs of a database, their series and their shapes
names       names in a question that must exist in the database
cut         which share of the scored pairs a run holds, and how many edges a limit left out
no_rows     why an answer has no rows
node_link   nodes and relationships of an answer as JSON
command     `headgraph query`
"""
