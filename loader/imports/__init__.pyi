from ._import import import_runs as import_runs
