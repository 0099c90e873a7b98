"""The `vigil` command line: one file a command."""
