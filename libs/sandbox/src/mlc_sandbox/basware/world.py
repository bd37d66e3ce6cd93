"""Everything this Basware knows, in memory and open to inspection."""

import copy
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from mlc_sandbox.basware.settings import Settings
from mlc_sandbox.basware.wire import instant
from mlc_sandbox.calls import Calls
from mlc_sandbox.faults import COMMON_KINDS, FaultScript

WAITING = "WaitingForTransfer"
OFFERED = (WAITING, "TransferInProgress")

BASWARE_KINDS = frozenset({"cut_short", "record"})
"""Faults that only this emulator has. `cut_short` = a file is announced whole, half of it comes, and the connection is
cut. `record` settles master records of one call otherwise than P2P would.

Its body says how: `{"codes": [externalCode, …], "status": "Error", "category": "Technical", "message": "…"}`; without
`codes` all of them; the status may be Warning, RecordExpired, or Lost, of which nothing is ever told.
"""


@dataclass
class Document:
    """One accounting document: `body` is what the API returns; `number` counts in order of arrival."""

    body: dict[str, Any]
    number: int
    acknowledgements: int = 0
    refused_acknowledgements: int = 0
    acknowledging: bool = False
    answers: list[dict[str, Any]] = field(default_factory=list)
    payment: dict[str, Any] = field(default_factory=dict)
    history: list[dict[str, str]] = field(default_factory=list)

    @property
    def invoice_id(self) -> str:
        """The id in the API's paths."""
        return str(self.body["invoiceId"])

    @property
    def status(self) -> str:
        """The `processingStatus`."""
        return str(self.body["processingStatus"])

    @property
    def batch(self) -> str | None:
        """The `InvoiceBatchId` that tells transfers of one document apart, if there is one."""
        parameters = self.body.get("transferParameters") or []
        return next((p["value"] for p in parameters if p["key"] == "InvoiceBatchId"), None)

    @property
    def offered_at(self) -> datetime:
        """When its latest transfer began."""
        times = [change["at"] for change in self.history if change["processingStatus"] == WAITING]
        return datetime.fromisoformat(times[-1] if times else self.history[0]["at"])

    def move(self, status: str, *, at: datetime) -> None:
        """Take a new status; `lastUpdated` and the history follow."""
        self.body["processingStatus"] = status
        self.body["lastUpdated"] = instant(at)
        self.history.append({"processingStatus": status, "at": instant(at)})

    def renew_batch(self) -> None:
        """A fresh `InvoiceBatchId`, as a new transfer gets one."""
        others = [p for p in self.body.get("transferParameters") or [] if p["key"] != "InvoiceBatchId"]
        self.body["transferParameters"] = [*others, {"key": "InvoiceBatchId", "value": uuid.uuid4().hex}]


@dataclass(frozen=True)
class Token:
    """What an access token allows, and until when."""

    scopes: frozenset[str]
    expires_at: datetime


@dataclass(frozen=True)
class PageMark:
    """What a continuation token stands for: the query it belongs to, and how far the reader has come."""

    query: str
    taken: int
    last_number: int


@dataclass(frozen=True)
class Attachment:
    """A file of a document: its metadata as the API writes them, and `size` bytes, the repeated `pattern`.

    A large file need not be in memory: what is read is made from the pattern, piece by piece.
    """

    meta: Mapping[str, Any]
    pattern: bytes
    size: int

    @property
    def code(self) -> str:
        """The `externalCode`, the last part of its path."""
        return str(self.meta["externalCode"])

    def pieces(self, length: int) -> Iterator[bytes]:
        """The first `length` bytes."""
        block = self.pattern * max(64 * 1024 // max(len(self.pattern), 1), 1)
        for start in range(0, length, len(block) or 1):
            yield block[: length - start]


@dataclass(frozen=True)
class Stored:
    """The target of a redirect, readable with `signature` until `expires_at`: a text, or an attachment."""

    text: str
    headers: Mapping[str, str]
    signature: str
    expires_at: datetime
    file: Attachment | None = None


@dataclass
class BaswareWorld:
    """The state of the emulator. `settings` may be replaced at any time; the next call sees it."""

    settings: Settings = field(default_factory=Settings)
    documents: dict[str, Document] = field(default_factory=dict)
    records: defaultdict[str, dict[str, dict[str, Any]]] = field(default_factory=lambda: defaultdict(dict))
    p2p: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    attachments: dict[str, list[Attachment]] = field(default_factory=dict)
    subscriptions: list[dict[str, Any]] = field(default_factory=list)
    tasks: dict[str, dict[str, Any]] = field(default_factory=dict)
    requests: dict[str, dict[str, Any]] = field(default_factory=dict)
    tokens: dict[str, Token] = field(default_factory=dict)
    pages: dict[str, PageMark] = field(default_factory=dict)
    storage: dict[str, Stored] = field(default_factory=dict)
    refused_answers: Counter[str] = field(default_factory=Counter)
    calls: Calls = field(default_factory=Calls)
    faults: FaultScript = field(default_factory=lambda: FaultScript(kinds=COMMON_KINDS | BASWARE_KINDS))

    def __post_init__(self) -> None:
        """Remember the settings to come back to on `reset`."""
        self._first_settings = self.settings

    @property
    def vendors(self) -> dict[str, dict[str, Any]]:
        """The vendors as the API holds them; `records` has all record types by path, `p2p` what P2P holds of them."""
        return self.records["/v1/vendors"]

    def add(self, documents: Sequence[Mapping[str, Any]], *, at: datetime) -> list[Document]:
        """Put approved documents at `WaitingForTransfer`. Raises ValueError for an id that is already here."""
        known = [body["invoiceId"] for body in documents if body["invoiceId"] in self.documents]
        if known:
            raise ValueError(f"already here: {', '.join(known)}")
        return [self._add(body, at=at) for body in documents]

    def _add(self, body: Mapping[str, Any], *, at: datetime) -> Document:
        document = Document(copy.deepcopy(dict(body)), number=len(self.documents) + 1)
        document.move(WAITING, at=at)
        if document.batch is None:
            document.renew_batch()
        self.documents[document.invoice_id] = document
        return document

    def retransfer(self, invoice_id: str, *, at: datetime, changes: Mapping[str, Any] | None = None) -> Document:
        """A user corrects the document and transfers it again.

        Raises KeyError for an unknown id, ValueError unless the last transfer is over.
        """
        document = self.documents[invoice_id]
        if document.status not in ("TransferFailed", "Transferred"):
            raise ValueError(f"{document.status} cannot be transferred again")
        document.body.update(copy.deepcopy(dict(changes or {})))
        if self.settings.fresh_batch_on_retransfer:
            document.renew_batch()
        else:
            document.body["transferParameters"] = []
        document.move(WAITING, at=at)
        return document

    def give_up(self, *, at: datetime) -> None:
        """Show as failed every transfer that has waited for its answer longer than the settings allow."""
        window = self.settings.answer_window
        if window is None:
            return
        for document in self.documents.values():
            if document.status in OFFERED and (at - document.offered_at).total_seconds() >= window:
                document.move("TransferFailed", at=at)

    def reset(self) -> None:
        """Forget everything; the settings are again those of the beginning."""
        # The injector holds on to its script, so that one is emptied and not replaced.
        self.faults.clear()
        vars(self).update(vars(BaswareWorld(settings=self._first_settings, faults=self.faults)))
