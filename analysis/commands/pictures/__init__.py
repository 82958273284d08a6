"""One module per `headgraph figure NAME`; `analysis.commands.figure` lists them."""
