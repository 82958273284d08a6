"""Files, text, messages and names that all rooms share. Imports nothing of other rooms."""
