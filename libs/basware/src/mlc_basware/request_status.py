"""What became of records that Basware's API layer took: request status, read into three words. Pure.

Basware API reference, request status: HTTP 200 is the first half only; every target system then says for every record
whether it was saved. A fresh request id may answer 404 for a while.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

SAVED = frozenset({"success", "notprocessed", "warning", "unpublished", "acknowledgedsuccess"})
"""Item statuses of a record that stands in the target system; NotProcessed means that it stood there unchanged."""

NOT_SAVED = frozenset({"error", "acknowledgederror"})
SUPERSEDED = "recordexpired"
"""A newer version of the record was posted within the same second; the newer one counts."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class ItemError(_Part):
    """Why a record was not saved, or not whole; `category` is Unknown, Technical or DataValidation."""

    type: str = "Error"
    message: str | None = None
    category: str = "Unknown"


class Item(_Part):
    """One record in one target system."""

    externalCode: str | None = None
    parentExternalCode: str | None = None
    status: str = "InProgress"
    errors: tuple[ItemError, ...] | None = None


class System(_Part):
    """One target system, for example P2P."""

    system: str | None = None
    systemStatus: str | None = None
    items: tuple[Item, ...] | None = None


class RequestStatus(_Part):
    """What every target system says of one request."""

    requestId: str | None = None
    requestStatus: str = "InProgress"
    lastUpdated: str | None = None
    systems: tuple[System, ...] | None = None


@dataclass(frozen=True)
class Fate:
    """What became of one record: `pending` until every system that names it has finished with it.

    `technical` when nothing but technical errors kept it from being saved, so that a changed record may help.
    """

    word: Literal["pending", "saved", "not saved"]
    messages: tuple[str, ...] = ()
    technical: bool = False


def fate_of(external_code: str, request: RequestStatus | None) -> Fate:
    """What became of the record `external_code` of a request; None is a request that is not known yet."""
    if request is None:
        return Fate("pending")
    items = [
        item for system in request.systems or () for item in system.items or () if item.externalCode == external_code
    ]
    words = [_word(item) for item in items]
    messages = tuple(dict.fromkeys(_messages(items)))
    if "not saved" in words:
        kinds = {error.category.lower() for item in items for error in item.errors or ()}
        return Fate("not saved", messages or ("No reason was given.",), technical=kinds == {"technical"})
    if words and "pending" not in words:
        return Fate("saved", messages)
    if not items and request.requestStatus.lower() in NOT_SAVED:
        return Fate("not saved", ("The request failed as a whole, and no record is named.",))
    return Fate("pending")


def parents(request: RequestStatus | None) -> tuple[str, ...]:
    """The records that those of a request belong to: for an answer, its accounting document's `invoiceId`."""
    systems = request.systems or () if request is not None else ()
    named = (item.parentExternalCode for system in systems for item in system.items or ())
    return tuple(dict.fromkeys(name for name in named if name))


def _word(item: Item) -> Literal["pending", "saved", "not saved"]:
    kinds = {error.type.lower() for error in item.errors or ()}
    status = item.status.lower()
    if SUPERSEDED in kinds or status == SUPERSEDED or status in SAVED:
        return "saved"
    return "not saved" if status in NOT_SAVED else "pending"


def _messages(items: Iterable[Item]) -> Iterable[str]:
    for item in items:
        for error in item.errors or ():
            if error.message:
                yield f"{error.message} ({error.category})"


def parsed(found: Mapping[str, Any]) -> RequestStatus:
    """One entity of the request-status API. Raises pydantic's ValidationError for another shape."""
    return RequestStatus.model_validate(found)


@dataclass(frozen=True)
class Settlement:
    """What a request says of one master record, in the words that matter for what to do next.

    `unchanged`: skipped as equal to what the API layer held, whether P2P has it or not; `expired`: a newer version was
    posted within a second; `lost`: the request has ended without a word about the record.
    """

    word: Literal["pending", "saved", "unchanged", "expired", "not saved", "lost"]
    messages: tuple[str, ...] = ()
    technical: bool = False


def settlements(codes: Iterable[str], request: RequestStatus | None) -> dict[str, Settlement]:
    """What a request says of each of these records; None is a request that is not known yet."""
    by_code: dict[str, list[Item]] = {code: [] for code in codes}
    everything = [item for system in (request.systems if request else None) or () for item in system.items or ()]
    for item in everything:
        if item.externalCode in by_code:
            by_code[item.externalCode].append(item)
    unnamed = _of_unnamed(request, named_others=bool(everything))
    return {code: _settled(items) if items else unnamed for code, items in by_code.items()}


def _of_unnamed(request: RequestStatus | None, *, named_others: bool) -> Settlement:
    status = request.requestStatus.lower() if request else "inprogress"
    if status == "inprogress":
        return Settlement("pending")
    if status in NOT_SAVED and not named_others:
        return Settlement("not saved", ("The request failed as a whole, and no record is named.",), technical=True)
    return Settlement("lost")


def _settled(items: list[Item]) -> Settlement:
    words = {_word(item) for item in items}
    messages = tuple(dict.fromkeys(_messages(items)))
    if "not saved" in words:
        kinds = {error.category.lower() for item in items for error in item.errors or ()}
        return Settlement("not saved", messages or ("No reason was given.",), technical=kinds == {"technical"})
    if "pending" in words:
        return Settlement("pending")
    if any(_expired(item) for item in items):
        return Settlement("expired", messages)
    return Settlement("unchanged" if {item.status.lower() for item in items} == {"notprocessed"} else "saved", messages)


def _expired(item: Item) -> bool:
    return item.status.lower() == SUPERSEDED or SUPERSEDED in {error.type.lower() for error in item.errors or ()}
