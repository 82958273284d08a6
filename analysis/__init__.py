"""Studies of scores: a folder for each, with its computation, its figure and its commands.

They read tables of `headgraph.pk_engine` and runs in the database. `figures` has what figures
share, `running` what studies that run a model share, and `options` what commands share.
"""
