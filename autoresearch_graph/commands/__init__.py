"""The commands of the command line: thin, over functions that a notebook could call."""
