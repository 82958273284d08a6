"""Models that TransformerLens holds, as a second source of weights beside files."""
