"""Epicor's payments: watched, put into a picture, and recorded in the history of the document they belong to."""
