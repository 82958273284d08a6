"""The families that there are: a TOML file for each, and the modules that find one."""
