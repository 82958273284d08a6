"""What `compute` would cost, before anything is read."""
