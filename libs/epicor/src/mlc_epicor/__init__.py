"""Epicor Kinetic: the REST client and wire models, in the vendor's spelling."""
