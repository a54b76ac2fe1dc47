"""The files that an experiment may change: their text, syntax, constants and merges."""
