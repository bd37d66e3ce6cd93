"""epicor-writer: an approved accounting document becomes one AP invoice in Epicor, with a certain outcome."""
