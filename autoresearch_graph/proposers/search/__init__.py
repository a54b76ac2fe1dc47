"""The search proposer: Bayesian optimisation over the constants of the asset."""
