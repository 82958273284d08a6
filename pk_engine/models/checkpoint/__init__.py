"""The files of a checkpoint: formats that hold tensors, and files that are no whole model."""
