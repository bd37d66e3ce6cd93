"""The flows of a connection, which people pause one by one. Pure."""

from __future__ import annotations

from enum import StrEnum


class Flow(StrEnum):
    """A part of what a connection does.

    `ingest` reads and sweeps documents (pushes are stored all the same), `posting` enters them in Epicor, `answers`
    tells Basware, `masterdata` imports Epicor's records into Basware, `payments` confirms paid invoices.
    """

    INGEST = "ingest"
    POSTING = "posting"
    ANSWERS = "answers"
    MASTERDATA = "masterdata"
    PAYMENTS = "payments"
