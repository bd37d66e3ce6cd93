"""One module per step, in order; a step is never edited once released: a later change is a later step."""
