"""The Basware P2P API as this product uses it; one client per connection."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO, Any
from urllib.parse import quote

import httpx
from pydantic import ValidationError

from mlc_basware.documents import TransferResponse, text_of
from mlc_basware.limiter import Limiter
from mlc_basware.payments import PaymentResponse
from mlc_basware.request_status import RequestStatus, parsed
from mlc_basware.session import Session
from mlc_basware.targets import Target
from mlc_basware.tokens import TokenEndpoint, Tokens
from mlc_basware.wire import (
    CONTINUATION,
    REQUEST_ID,
    entities,
    error_text,
    is_taken,
    read_json,
    refused_codes,
)
from mlc_common.connections import Connection
from mlc_common.downloads import Download, TooLarge
from mlc_common.failures import PermanentError, TransientError, UnknownOutcomeError
from mlc_common.http import UnclearAnswerError, dump_json
from mlc_common.settings import Timings

DOCUMENTS = "/v1/accountingDocuments"
PAGE_SIZE = "100"
_JSON = {"Accept": "application/json", "Content-Type": "application/json"}


@dataclass(frozen=True)
class Accepted:
    """Basware's API layer took the body; `request_id` is what its support asks for."""

    request_id: str | None


@dataclass(frozen=True)
class Refused:
    """Basware's API layer answered 4xx; `codes` are the records it named."""

    status: int
    sentence: str
    codes: frozenset[str] = frozenset()


@asynccontextmanager
async def open_client(
    connection: Connection,
    *,
    timings: Timings,
    now: Callable[[], datetime],
    on_token: Callable[[datetime], None] = lambda _expires_at: None,
) -> AsyncIterator[BaswareClient]:
    """The client of a connection, with pools of its own; leaving closes them.

    Args:
        on_token: told when every new token expires.

    Raises:
        MissingCredentialError: the API user's credentials are not set yet.
    """
    async with open_session(connection, timings=timings, now=now, on_token=on_token) as session:
        yield BaswareClient(session)


def token_endpoint(
    connection: Connection, *, timings: Timings, now: Callable[[], datetime], scopes: tuple[str, ...] | None = None
) -> TokenEndpoint:
    """Where a connection's tokens come from; for other scopes than the connection's when some are named.

    Raises:
        MissingCredentialError: the API user's credentials are not set yet.
    """
    basware = connection.document.basware
    return TokenEndpoint(
        connection=connection.name,
        url=basware.tokens,
        scopes=basware.scopes if scopes is None else scopes,
        client_id=connection.secret("basware.client_id"),
        client_secret=connection.secret("basware.client_secret"),
        life_used=timings.token_life_used,
        now=now,
    )


@asynccontextmanager
async def open_session(
    connection: Connection,
    *,
    timings: Timings,
    now: Callable[[], datetime],
    on_token: Callable[[datetime], None] = lambda _expires_at: None,
    scopes: tuple[str, ...] | None = None,
) -> AsyncIterator[Session]:
    """The calls of a connection, with pools of their own; leaving closes them. Arguments and failures as above."""
    basware = connection.document.basware
    timeout = httpx.Timeout(timings.basware_read, connect=timings.basware_connect)
    limits = httpx.Limits(max_connections=basware.calls_in_flight + 1)
    endpoint = token_endpoint(connection, timings=timings, now=now, scopes=scopes)
    agent = {"User-Agent": "ml-connector"}
    async with (
        httpx.AsyncClient(timeout=timeout, limits=limits, headers=agent) as api,
        httpx.AsyncClient(timeout=timeout, limits=limits, headers=agent) as storage,
    ):
        tokens = Tokens(lambda: endpoint.fetch(api), now=now, on_token=on_token)
        limiter = Limiter(per_second=basware.calls_per_second, in_flight=basware.calls_in_flight)
        try:
            yield Session(connection.name, basware.api, tokens=tokens, limiter=limiter, api=api, storage=storage)
        finally:
            await tokens.close()


class BaswareClient:
    """The verbs. Every method raises TransientError when it may work later."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def document(self, invoice_id: str) -> str | None:
        """The JSON text of one accounting document, or None when Basware does not know it.

        The answer is the same wrapper as a list's (Basware API reference, §3.1).
        """
        answer, _ = await self._session.read(_path(invoice_id), what="Basware document")
        if answer is None:
            return None
        found = entities(read_json(answer), "accountingDocuments")
        mine = [item for item in found if _id(item) == invoice_id]
        if found and not mine:
            raise PermanentError(f"Basware answered another accounting document than {invoice_id}.")
        if not mine:
            # What is not there is a 404; nothing at all is not an answer to act on.
            raise TransientError(f"Basware answered without accounting document {invoice_id}.")
        return text_of(mine[0])

    async def documents(self, status: str, *, since: datetime | None = None) -> AsyncIterator[Any]:
        """Every accounting document in a processing status, through all pages; `text_of` makes one's text.

        `since` leaves out what has not changed after it.

        The continuation token travels in a header both ways, with the same query; a short page is not the last, and
        404 means none (Basware API reference, §3.1-3.2). Collect before you acknowledge: that shifts the pages.
        """
        query = {"ProcessingStatus": status, "pageSize": PAGE_SIZE}
        if since is not None:
            query["lastUpdated"] = _instant(since)
        async for item in self._listed(DOCUMENTS, "accountingDocuments", query, what="Basware documents"):
            yield item

    async def acknowledge(self, invoice_id: str) -> bool:
        """Tell Basware that we have the document; False when it was acknowledged before (405).

        An unclear answer is a TransientError: repeating is harmless, the state says whether it is needed.

        Raises:
            PermanentError: Basware refuses to hear it.
        """
        what = "Basware acknowledge"
        try:
            answer = await self._session.call(
                "POST", f"{_path(invoice_id)}/acknowledge", writes=True, what=what, headers=_JSON
            )
        except UnknownOutcomeError as unclear:
            raise TransientError(str(unclear)) from unclear
        match answer.status:
            case httpx.codes.OK | httpx.codes.CREATED | httpx.codes.ACCEPTED | httpx.codes.NO_CONTENT:
                if not is_taken(answer):
                    raise TransientError(f"{what} of {invoice_id}: it does not look as if Basware had answered.")
                return True
            case httpx.codes.METHOD_NOT_ALLOWED:
                return False
            case httpx.codes.NOT_FOUND | httpx.codes.CONFLICT:
                raise TransientError(f"{what} of {invoice_id}: {error_text(answer)}")
        raise PermanentError(f"{what} of {invoice_id} was refused: {error_text(answer)}")

    async def transfer_response(self, invoice_id: str, response: TransferResponse) -> Accepted | Refused:
        """Answer a transfer. A 4xx needs a look at the document: it may mean that the answer is there already.

        Raises:
            UnclearAnswerError: it may have arrived; read the document before sending again.
        """
        path = f"{_path(invoice_id)}/transferResponses"
        return await self._post(path, response.to_wire(), what="Basware transfer response")

    async def prebook_response(self, invoice_id: str, response: TransferResponse) -> Accepted | Refused:
        """Answer a prebooking; the same members as a transfer's but for the date (Basware API reference, §5).

        Raises:
            UnclearAnswerError: it may have arrived; read the document before sending again.
        """
        body = response.to_wire()
        if "transferDate" in body:
            body["prebookDate"] = body.pop("transferDate")
        return await self._post(f"{_path(invoice_id)}/prebookResponses", body, what="Basware prebook response")

    async def payment_response(self, invoice_id: str, response: PaymentResponse) -> Accepted | Refused:
        """Tell everything known of a payment: what is left out is cleared (Basware API reference, §5).

        Raises:
            UnclearAnswerError: it may have arrived; read the document before sending again.
        """
        path = f"{_path(invoice_id)}/paymentResponses"
        return await self._post(path, response.to_wire(), what="Basware payment response")

    async def attachment(self, invoice_id: str, code: str, *, into: IO[bytes], most: int) -> Download | TooLarge | None:
        """Fetch an attachment of at most `most` bytes into the beginning of `into`; None when Basware has none (404).

        Raises:
            TransientError: it cannot be had now, or did not arrive whole.
            PermanentError: Basware refuses it.
        """
        path = f"{_path(invoice_id)}/attachments/{quote(code, safe='')}"
        return await self._session.download(path, into=into, most=most, what="Basware attachment")

    async def request_status(self, request_id: str) -> RequestStatus | None:
        """What became of a request's records, or None while Basware does not know the request (yet).

        Raises:
            PermanentError: the answer has another shape.
        """
        path = f"/v1/requestStatus/{quote(request_id, safe='')}"
        answer, _ = await self._session.read(path, what="Basware request status")
        found = [] if answer is None else entities(read_json(answer), "requestStatus")
        try:
            return parsed(found[0]) if found else None
        except ValidationError as error:
            raise PermanentError("Basware request status: the answer cannot be read.") from error

    async def request_statuses(self, entity_type: str, *, since: datetime) -> AsyncIterator[RequestStatus]:
        """What became of every request of a record type updated after `since`; one that cannot be read is left out.

        Ask from a day earlier than is meant: time zones differ (Basware API reference, §9.1).
        """
        query = {"entityType": entity_type, "pageSize": PAGE_SIZE, "lastUpdated": _instant(since)}
        async for item in self._listed("/v1/requestStatus", "requestStatus", query, what="Basware request statuses"):
            with suppress(ValidationError):
                yield parsed(item)

    async def post_records(self, target: Target, records: Sequence[Mapping[str, Any]]) -> Accepted | Refused:
        """Create or overwrite master records, at most `target.most`; each is complete, by its `externalCode`.

        Raises:
            UnclearAnswerError: they may have arrived; sending the same records again is harmless.
        """
        return await self._post(target.path, [dict(each) for each in records], what=f"Basware {target.entity_type}")

    async def record(self, target: Target, external_code: str) -> Mapping[str, Any] | None:
        """A master record as Basware's API holds it, or None. P2P may hold another one.

        Raises:
            PermanentError: the answer has another shape.
        """
        what = f"Basware {target.entity_type}"
        answer, _ = await self._session.read(f"{target.path}/{quote(external_code, safe='')}", what=what)
        found = None if answer is None else read_json(answer)
        if (isinstance(found, Mapping) and "externalCode" not in found) or isinstance(found, list):
            found = next(iter(entities(found, target.envelope)), None)
        if found is not None and not isinstance(found, Mapping):
            raise PermanentError(f"{what}: the answer cannot be read.")
        return found

    async def records(
        self, target: Target, *, company: str | None = None, order: str | None = None
    ) -> AsyncIterator[Mapping[str, Any]]:
        """Every master record of a type as Basware's API holds it, page by page; order lines need their `order`."""
        query = {"pageSize": "100"}
        query |= {"companyCode": company} if company else {}
        query |= {"orderExternalCode": order} if order else {}
        async for item in self._listed(target.path, target.envelope, query, what=f"Basware {target.entity_type}"):
            yield item

    async def error_feedback(self, target: Target, external_code: str) -> tuple[str, ...]:
        """What Basware's older error list says of a record; nothing where there is none."""
        path = f"/v1/errorFeedbacks/{target.entity_type}/{quote(external_code, safe='')}"
        answer, _ = await self._session.read(path, what="Basware error feedback")
        found = [] if answer is None else entities(read_json(answer), "errorList")
        return tuple(str(text) for each in found if isinstance(each, Mapping) for text in each.get("errors") or ())

    async def _listed(
        self, path: str, envelope: str, query: Mapping[str, str], *, what: str
    ) -> AsyncIterator[Mapping[str, Any]]:
        seen: set[str] = set()
        token: str | None = None
        while True:
            headers = {CONTINUATION: token} if token else {}
            answer, token = await self._session.read(path, what=what, params=query, headers=headers)
            for item in [] if answer is None else entities(read_json(answer), envelope):
                yield item
            if not token:
                return
            if token in seen:
                raise TransientError(f"{what}: the same page was offered twice; the list is read anew later.")
            seen.add(token)

    async def _post(self, path: str, body: object, *, what: str) -> Accepted | Refused:
        """Post records; a 2xx that neither names the call nor echoes one of them is somebody else's."""
        answer = await self._session.call("POST", path, writes=True, what=what, headers=_JSON, content=dump_json(body))
        if httpx.codes.is_success(answer.status):
            if not is_taken(answer, _codes(body)):
                raise UnclearAnswerError(f"{what}: it does not look as if Basware had answered.", answer=answer)
            return Accepted(answer.headers.get(REQUEST_ID))
        return Refused(answer.status, error_text(answer), refused_codes(answer))


def _instant(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _codes(body: object) -> list[str]:
    records = body if isinstance(body, list) else [body]
    return [str(each["externalCode"]) for each in records if isinstance(each, Mapping) and each.get("externalCode")]


def _path(invoice_id: str) -> str:
    return f"{DOCUMENTS}/{quote(invoice_id, safe='')}"


def _id(item: Any) -> str | None:
    names = [value for name, value in item.items() if name.lower() == "invoiceid"] if isinstance(item, dict) else []
    return str(names[0]) if names else None
