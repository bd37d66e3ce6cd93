"""Tamper evidence: a hash chain over each stream, signed anchors, and bundles that a third party checks offline."""
