"""The list of accounting documents: its query, its pages and their continuation tokens."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from mlc_sandbox.basware.fields import entities
from mlc_sandbox.basware.world import BaswareWorld, Document, PageMark

_KEPT_MARKS = 10_000


@dataclass(frozen=True)
class ListQuery:
    """The known parameters of `GET /v1/accountingDocuments`; names are case-sensitive, unknown ones are ignored."""

    processing_status: str
    page_size: int
    company_code: str
    last_updated: datetime | None
    mode: str

    @classmethod
    def of(cls, parameters: Mapping[str, str]) -> "ListQuery":
        """Read the query. Raises ValueError with a sentence for a value that is not allowed."""
        return cls(
            processing_status=_one_of(parameters, "ProcessingStatus", default=""),
            page_size=page_size(parameters.get("pageSize", "100"), most=100),
            company_code=parameters.get("companyCode", ""),
            last_updated=moment(parameters.get("lastUpdated", "")),
            mode=_one_of(parameters, "p2pProcessingMode", default="Standard"),
        )

    def matches(self, document: Document) -> bool:
        """Whether the document belongs into the list."""
        body = document.body
        return (
            self.processing_status in ("", document.status)
            and self.company_code in ("", body["companyCode"])
            and self.mode == body.get("p2pProcessingMode", "Standard")
            and (self.last_updated is None or datetime.fromisoformat(body["lastUpdated"]) > self.last_updated)
        )


@dataclass(frozen=True)
class Page:
    """Some documents, and the continuation token while there are more."""

    documents: list[dict[str, Any]]
    token: str | None


def take_page(world: BaswareWorld, query: ListQuery, *, raw_query: str, token: str) -> Page:
    """One page. Raises ValueError for a token that is unknown or belongs to another query."""
    mark = _mark(world, raw_query, token)
    found = [document for document in world.documents.values() if query.matches(document)]
    if world.settings.paging == "keyset":
        rest = [document for document in found if document.number > mark.last_number]
    else:
        rest = found[mark.taken :]
    taken = rest[: _fitting(rest, world, page_size=query.page_size)]
    following = None
    if len(taken) < len(rest):
        following = _remember(world, PageMark(raw_query, mark.taken + len(taken), taken[-1].number))
    return Page([document.body for document in taken], following)


def take_slice(world: BaswareWorld, found: list[dict[str, Any]], *, raw_query: str, token: str, size: int) -> Page:
    """One page of plain records, by offset. Raises ValueError like `take_page`."""
    mark = _mark(world, raw_query, token)
    end = mark.taken + size
    following = _remember(world, PageMark(raw_query, end, 0)) if end < len(found) else None
    return Page(found[mark.taken : end], following)


def _mark(world: BaswareWorld, raw_query: str, token: str) -> PageMark:
    if not token:
        return PageMark(raw_query, 0, 0)
    mark = world.pages.get(token)
    if mark is None:
        raise ValueError("The continuation token is not known.")
    if mark.query != raw_query:
        raise ValueError("The continuation token belongs to other query parameters.")
    return mark


def _fitting(rest: list[Document], world: BaswareWorld, *, page_size: int) -> int:
    """How many fit: documents with many coding rows make a page shorter, but one always fits."""
    rows = 0
    for count, document in enumerate(rest):
        rows += len(document.body.get("codingRows") or [])
        if count == min(page_size, world.settings.page_cap):
            return count
        if count > 0 and rows > world.settings.page_coding_rows:
            return count
    return len(rest)


def _remember(world: BaswareWorld, mark: PageMark) -> str:
    token = secrets.token_urlsafe(24)
    world.pages[token] = mark
    while len(world.pages) > _KEPT_MARKS:
        del world.pages[next(iter(world.pages))]
    return token


def _one_of(parameters: Mapping[str, str], name: str, *, default: str) -> str:
    value = parameters.get(name, default)
    member = name[0].lower() + name[1:]
    allowed = entities()["AccountingDocumentEntity"][member]["enum"]
    if value != default and value not in allowed:
        raise ValueError(f"The value of {name} is not valid.")
    return value


def page_size(text: str, *, most: int) -> int:
    """Read a page size. Raises ValueError outside 1 to `most`."""
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= most):
        raise ValueError(f"pageSize must be between 1 and {most}.")
    return int(text)


def moment(text: str) -> datetime | None:
    """Read `lastUpdated`; without an offset it is UTC. Raises ValueError."""
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError as broken:
        raise ValueError("lastUpdated must be a date-time.") from broken
    return found if found.tzinfo else found.replace(tzinfo=UTC)
