"""Where weights come from: families, checkpoints, the hub, TransformerLens."""
