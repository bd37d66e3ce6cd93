"""Faults at random moments under load, and afterwards the books of all sides compared."""
