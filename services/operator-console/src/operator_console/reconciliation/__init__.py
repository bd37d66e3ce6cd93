"""Reconciliation: Basware, the stream and Epicor side by side; every break has a class, an owner and a remedy."""
