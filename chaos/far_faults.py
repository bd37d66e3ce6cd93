"""What the two far sides are told to do wrong, as their sandboxes understand it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from chaos.schedule import BASWARE, EPICOR

Script = Sequence[Mapping[str, Any]]

PAGE = "<html><head><title>Maintenance</title></head><body>We are back soon.</body></html>"
WRITES = {EPICOR: "UpdateMaster", BASWARE: "(acknowledge|transferResponses)$"}
FOR_EVER = {"times": -1}
READS = {"method": "GET", **FOR_EVER}
TOO_LONG = 6.0
"""Seconds of a call that are more than the patience of the services under fault: it is carried out after all."""


def script(kind: str, side: str) -> Script:
    """The faults of a far side; none for a kind that is not about answers.

    `garbage` answers what is no answer of this API: a page with 200, 404 or 400, JSON of another shape, JSON cut short,
    nothing at all; and after a write was carried out a page in the place of its answer. A false success that looks like
    a real one is told to reads only: a write that was not carried out cannot be told from one that was.
    """
    write = {"path": WRITES[side], "method": "POST"}
    match kind:
        case "slow":
            return [
                {"kind": "delay", "seconds": 0.4, **FOR_EVER},
                {"kind": "delay", "seconds": TOO_LONG, "every": 7, **write, **FOR_EVER},
            ]
        case "refuse":
            return [
                {"kind": "status", "status": 503, "every": 2, **FOR_EVER},
                {"kind": "status", "status": 429, "retry_after": 1, "every": 3, **FOR_EVER},
                {"kind": "status", "status": 401, "every": 5, **FOR_EVER},
                {"kind": "status", "status": 403, "every": 7, **FOR_EVER},
            ]
        case "cut":
            return [{"kind": "drop_before", "every": 3, **FOR_EVER}]
        case "lose_answers":
            return [
                {"kind": "drop_after", "every": 2, **write, **FOR_EVER},
                {"kind": "drop_after", "every": 9, **FOR_EVER},
            ]
        case "garbage":
            return [
                {"kind": "answer_after", "status": 200, "body": PAGE, "every": 3, **write, **FOR_EVER},
                {"kind": "answer_after", "status": 200, "body": "{", "every": 5, **write, **FOR_EVER},
                {"kind": "status", "status": 200, "body": PAGE, "every": 7, **FOR_EVER},
                {"kind": "status", "status": 404, "body": PAGE, "every": 11, **FOR_EVER},
                {"kind": "status", "status": 400, "body": PAGE, "every": 13, **FOR_EVER},
                {"kind": "status", "status": 200, "body": '{"value": [{"VendorNum"', "every": 17, **FOR_EVER},
                {"kind": "status", "status": 200, "body": {"value": "none", "returnObj": 7}, "every": 5, **READS},
                {"kind": "status", "status": 200, "body": "", "every": 7, **READS},
                {"kind": "status", "status": 200, "body": [], "every": 11, **READS},
            ]
        case _:
            return []
