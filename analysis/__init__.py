"""What scores mean: a folder for each study, with its computation, its figure and its command.

Reads tables of `headgraph.pk_engine` and runs in the database; `figures` holds what pictures share.
"""
