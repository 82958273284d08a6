"""What was scored apart, as one table."""
