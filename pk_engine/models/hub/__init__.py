"""The model hub: what is downloaded from it, and what it may send."""
