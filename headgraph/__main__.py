"""`python -m headgraph` is the command `headgraph`."""

import runpy

# by name, so that no module of the packages imports the command line
runpy.run_module("cli", run_name="__main__")
