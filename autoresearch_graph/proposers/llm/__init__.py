"""A chat model as proposer."""
