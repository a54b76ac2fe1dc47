"""The reader of program.md: text -> Program."""
