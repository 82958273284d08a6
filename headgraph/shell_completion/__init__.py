"""Completion in bash, zsh and fish: commands, options, and the values that they can take.

The shell asks by running headgraph with `VARIABLE` set, which is click's own protocol; click knows
commands and options, and this room what stands for a value. Nothing here is imported otherwise.
"""

from headgraph.shell_completion._attach import attach
from headgraph.shell_completion._shells import VARIABLE, register, script

__all__ = ["VARIABLE", "attach", "register", "script"]
