"""The commands of this room, a module each: check the output, call one library function, return."""
