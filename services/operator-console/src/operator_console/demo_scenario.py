"""What the demo plays: which invoices are offered, how each is pushed, and what must become of it. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from mlc_common.connection import Basware, ConnectionDocument
from mlc_common.masterdata_kinds import Kinds
from mlc_sandbox.samples import approved_invoices, bad_invoices, bulk_invoices, followers, unusual_invoices

CONNECTION = "demo"
WEBHOOK_SECRET = "sandbox-only-webhook-secret"  # noqa: S105 - the sandbox's, known to everybody
CREDENTIALS = {
    "basware.client_id": "sandbox-client",
    "basware.client_secret": "sandbox-only-secret",
    "basware.webhook_secret": WEBHOOK_SECRET,
    "epicor.username": "bwlink",
    "epicor.password": "sandbox-only-password",
    "epicor.api_key": "sandbox-only-api-key",
}
TIMINGS = {
    "sweep": "5",
    "retry_base": "0.2",
    "retry_ceiling": "2",
    "unclear_pauses": "[0.5, 1, 2]",
    "delivery_pauses": "[0.5, 1, 2]",
    "ack_wait": "10",
    "refresh": "0.5",
    "masterdata": "1",
    "epicor_write": "20",
    "breaker": "1",
    "graceful": "10",
}
"""A rehearsal in seconds; the defaults are for real life."""

LOOK_FOR_PAYMENTS = 0.01
"""Minutes between two looks at Epicor's payments."""

PUSHED_TWICE = 5
FORGED_TOO = 3
NOT_OURS_TO_SEE = "New"
"""A Basware status in which nothing may be transferred; only a forged push speaks of these documents."""

EPICOR_COMPANY = {"US01": "NWM", "FI01": "NWF"}
KINDS = {
    "payment_terms": True,
    "tax_codes": True,
    "accounts": {},
    "dimensions": {
        "department": {"segment": 2, "to": "ACC_LIST_1"},
        "cost_centre": {"segment": 3, "to": "costCenters"},
    },
    "orders": {},
}
_SEGMENTS = [{"field": "accountCode"}, {"field": "dimCode1"}, {"field": "costCenterCode"}]


@dataclass(frozen=True)
class Expected:
    """An invoice as it must stand in Epicor, worked out from the document alone, without the product's mapping.

    `bookings` counts each pair of GL account, as `6100|10|200`, and net amount.
    """

    invoice_id: str
    company: str
    vendor: str
    number: str
    currency: str
    total: Decimal
    bookings: Counter[tuple[str, Decimal]]


def expected(document: Mapping[str, Any], *, suffix: str = "") -> Expected:
    """What Epicor must hold of this Basware document; `suffix` is what its number gets where another one has it."""
    return Expected(
        invoice_id=_id(document),
        company=EPICOR_COMPANY[document["companyCode"]],
        vendor=document["supplierCode"],
        number=document["invoiceNumber"] + suffix,
        currency=document["currencyCode"],
        total=document["grossSum"],
        bookings=Counter(
            (f"{row['accountCode']}|{row['dimCode1']}|{row['costCenterCode']}", row["netTotal"])
            for row in document["codingRows"]
        ),
    )


@dataclass(frozen=True)
class Scenario:
    """The documents of the demo by what happens to them; ids, and the bodies that are offered first and later.

    `kinds` says of the unusual ones what they are, by id.
    """

    first: Sequence[dict[str, Any]]
    later: Sequence[dict[str, Any]]
    lost_push: str
    lost_answer: str
    refused_by_epicor: str
    only_forged: frozenset[str]
    posted: Sequence[Expected]
    refused: frozenset[str]
    kinds: Mapping[str, str]

    @property
    def approved(self) -> int:
        """Documents that are approved and must be answered."""
        return len(self.posted) + len(self.refused)


def scenario() -> Scenario:
    """About sixty good invoices, every way to be refused, and a few nobody may ever see."""
    good = approved_invoices()
    bad = bad_invoices()
    again = bad.pop("duplicate_number")
    kinds, later = unusual_invoices(), followers()
    refused_by_epicor, *only_forged = bulk_invoices(3, seed=60)
    return Scenario(
        first=[*good, *kinds.values(), *bad.values(), refused_by_epicor, *only_forged],
        later=[again, *later.values()],
        lost_push=_id(good[7]),
        lost_answer=_id(good[3]),
        refused_by_epicor=_id(refused_by_epicor),
        only_forged=frozenset(map(_id, only_forged)),
        posted=[
            *(expected(each) for each in (*good, *kinds.values())),
            *(expected(each, suffix="-CN" if "credit" in name else "") for name, each in later.items()),
        ],
        refused=frozenset(map(_id, [*bad.values(), again, refused_by_epicor])),
        kinds={_id(each): name for name, each in (kinds | later).items()},
    )


def pushes(plan: Scenario) -> list[tuple[Sequence[str], dict[str, Any]]]:
    """The orders to the push sender, in turn: ids, and how; the lost one is in none of the genuine ones."""
    ids = [_id(each) for each in plan.first]
    real = [each for each in ids if each not in plan.only_forged and each != plan.lost_push]
    twice, forged = real[:PUSHED_TWICE], [*sorted(plan.only_forged), *real[-FORGED_TOO:]]
    return [(forged, {"forge": True}), (twice, {"repeat": 2}), (real[PUSHED_TWICE:], {})]


def epicor_faults(plan: Scenario) -> list[dict[str, Any]]:
    """One saved invoice whose answer is lost on the way back, and one that Epicor itself refuses, whatever is tried."""
    refusal = {
        "HttpStatus": 400,
        "ReasonPhrase": "REST API Exception",
        "ErrorMessage": "Fiscal period is closed for Accounts Payable.",
        "ErrorType": "Ice.Common.BusinessObjectException",
    }
    update = {"path": "UpdateMaster", "method": "POST"}
    return [
        {**update, "kind": "drop_after", "match": plan.lost_answer},
        {**update, "kind": "status", "match": plan.refused_by_epicor, "status": 400, "body": refusal, "times": -1},
    ]


def connection_document(basware: str, epicor: str) -> ConnectionDocument:
    """The connection to the two sandboxes."""
    pairs = (("US01", "NWM", "USD"), ("FI01", "NWF", "EUR"))
    kinds = Kinds.model_validate(KINDS)
    written = [f"{name}.{right}" for name in kinds.scopes() for right in ("read", "write")]
    return ConnectionDocument.model_validate(
        {
            "name": CONNECTION,
            "basware": {
                "base_url": basware,
                "calls_per_second": 500,
                "calls_in_flight": 8,
                "scopes": sorted({*Basware().scopes, *written}),
            },
            "epicor": {"base_url": epicor},
            "kinds": kinds,
            "payments": {"mode": "follow", "minutes": LOOK_FOR_PAYMENTS},
            "companies": [
                {"basware": ours, "epicor": theirs, "currency": currency, "segments": _SEGMENTS}
                for ours, theirs, currency in pairs
            ],
        }
    )


def offered_ids(bodies: Iterable[dict[str, Any]]) -> list[str]:
    """The ids of these documents."""
    return [_id(body) for body in bodies]


def _id(body: Mapping[str, Any]) -> str:
    return str(body["invoiceId"])
