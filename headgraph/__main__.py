"""`python -m headgraph` is the command `headgraph`."""

from headgraph.cli import main

if __name__ == "__main__":
    main()
