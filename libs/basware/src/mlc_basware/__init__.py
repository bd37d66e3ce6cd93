"""Basware: the client of its P2P API and the wire models of accounting documents."""
