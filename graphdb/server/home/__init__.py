"""The files of a local server's home: settings, password, state and logs."""
