"""Backup and restore of a whole site: streams with sequences and times, object stores, the database."""
