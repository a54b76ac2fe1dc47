"""Reading a research: its records, holdout and replication results, adopting and cleaning."""
