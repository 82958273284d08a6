"""Files: what others wrote is read, and what headgraph writes is written whole or not at all."""
