"""Epicor Kinetic over REST v2: the calls we make, each one function; what they mean is decided elsewhere."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import httpx
from pydantic import ValidationError

from mlc_common.connection import Epicor
from mlc_common.failures import PermanentError, TransientError
from mlc_common.http import Answer, UnclearAnswerError, dump_json
from mlc_epicor.columns import SHOWN_OF_ALIKE
from mlc_epicor.datasets import APInvGrpRow, APInvHedRow, APInvoiceDataset, Saved
from mlc_epicor.errors import Refusal
from mlc_epicor.group_posting import GroupPoster
from mlc_epicor.odata import any_of, both, equals
from mlc_epicor.order_reading import read_orders
from mlc_epicor.orders import OrderRows
from mlc_epicor.set_reading import find, pages
from mlc_epicor.sign_in import SignIn
from mlc_epicor.transport import Transport, elsewhere, value_of

WEB_SERVICE_LICENCE = "00000003-9439-4B30-A6F4-6D2FD4B9FD0F"
"""The licence that web services claim, the same for all tenants; without it a person's licence is used up
(Epicor reference, sessions and licences)."""

INVOICES = "Erp.BO.APInvoiceSvc"
GROUPS = "Erp.BO.APInvGrpSvc"
SEARCH = "Erp.BO.APInvSearchSvc/APInvSearches"

Row = dict[str, Any]


class EpicorClient:
    """One connection's Epicor.

    Args:
        http: a client of this connection's own; its timeout is the patience for reads.
        epicor: the connection document's section.
        sign_in: what lets a call in.
        write_patience: seconds to wait for the answer to a write.
        licence: the licence to claim with every call; None leaves the choice to Epicor.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        epicor: Epicor,
        *,
        sign_in: SignIn,
        write_patience: float,
        licence: str | None = WEB_SERVICE_LICENCE,
    ) -> None:
        self._transport = Transport(http, epicor, sign_in=sign_in, write_patience=write_patience, licence=licence)
        self.poster = GroupPoster(self._transport)

    async def invoice(self, company: str, vendor_num: int, invoice_num: str) -> APInvoiceDataset | None:
        """The AP invoice with this key, or None when there is none.

        Raises:
            TransientError: Epicor cannot be asked now.
        """
        params = {"vendorNum": str(vendor_num), "invoiceNum": invoice_num}
        body = await self.record(company, INVOICES, params)
        if body is None:
            return None
        try:
            held = APInvoiceDataset.read(body, what="Epicor APInvoice GetByID")
        except PermanentError as error:
            raise TransientError(f"{error} Nothing is decided before it can be.") from error
        return held if held.APInvHed else None

    async def invoices_of(self, company: str, vendor_num: int, *, totals: Iterable[Decimal]) -> list[APInvHedRow]:
        """The headers of a vendor's invoices with one of these sums in invoice currency, posted or not.

        Epicor reference, uniqueness, ambiguity, looking up: the search service is the light one.

        Raises:
            TransientError: Epicor cannot be asked now.
            PermanentError: Epicor does not understand the question, or its answer cannot be read.
        """
        where = both(equals("VendorNum", vendor_num), any_of("DocInvoiceAmt", totals))
        pages = self.pages(company, SEARCH, key="InvoiceNum", select=SHOWN_OF_ALIKE, also=where)
        return [row async for page in pages for row in _headers(company, page)]

    async def invoices_in(self, company: str, group_id: str) -> list[APInvHedRow]:
        """The headers of some unposted invoices of a group; empty when it has none. Raises as `invoices_of`."""
        where = f"{equals('GroupID', group_id)} and Posted eq false"
        return _headers(company, await self.rows(company, SEARCH, where=where, select=SHOWN_OF_ALIKE, top=10))

    async def update_master(
        self, company: str, dataset: APInvoiceDataset, *, group_id: str, table: str = "APInvHed"
    ) -> Saved | Refusal:
        """Save rows of an AP invoice, all or some; what Epicor then holds must be read back whatever the answer is.

        Args:
            table: Epicor's name of the table that the save is about.

        Raises:
            TransientError: nothing was sent, or Epicor does not let us in.
            UnclearAnswerError: it may or may not have been saved.
        """
        answer = await self._post(
            company,
            f"{INVOICES}/UpdateMaster",
            {
                "ds": dataset.to_wire(),
                "cGroupID": group_id,
                "cTableName": table,
                "runChkCPay": False,
                "runChkBankRef": False,
                "runChkRevChrg": False,
                "suppressUserPrompts": True,
            },
        )
        if refusal := self._transport.refusal(answer):
            return refusal
        try:
            return Saved.read(value_of(answer), what="Epicor UpdateMaster")
        except (PermanentError, TransientError) as error:
            raise UnclearAnswerError(str(error)) from error

    async def prepared(self, company: str, method: str, arguments: Mapping[str, Any]) -> Row | Refusal:
        """The tableset that a method of APInvoiceSvc answers which takes one and gives it back with more in it.

        Raises:
            TransientError, UnclearAnswerError: as `update_master`.
        """
        answer = await self._post(company, f"{INVOICES}/{method}", arguments)
        if refusal := self._transport.refusal(answer):
            return refusal
        try:
            value = value_of(answer)
        except TransientError as error:
            raise UnclearAnswerError(str(error)) from error
        found = (value.get("parameters") or {}).get("ds") if isinstance(value, Mapping) else None
        if not isinstance(found, dict):
            raise UnclearAnswerError(f"{answer.what}: the answer holds no rows.")
        return found

    async def delete_invoice(self, company: str, vendor_num: int, invoice_num: str) -> Refusal | None:
        """Delete an unposted AP invoice; None when Epicor did not object.

        Raises:
            TransientError, UnclearAnswerError: as `update_master`.
        """
        value = {"vendorNum": vendor_num, "invoiceNum": invoice_num}
        return self._transport.refusal(await self._post(company, f"{INVOICES}/DeleteByID", value))

    async def group(self, company: str, group_id: str) -> APInvGrpRow | None:
        """The AP invoice group, or None. Reading it can make us its active user: unlock it afterwards.

        Raises:
            TransientError: Epicor cannot be asked now.
        """
        body = await self.record(company, GROUPS, {"groupID": group_id})
        rows = body.get("APInvGrp") if isinstance(body, Mapping) else None
        try:
            return APInvGrpRow.model_validate(rows[0]) if rows else None
        except ValidationError as error:
            raise TransientError(f"Epicor APInvGrp GetByID: group {group_id} cannot be read.") from error

    async def create_group(self, company: str, group_id: str, *, apply_date: date) -> Refusal | None:
        """Create an AP invoice group; None when it was made.

        Raises:
            TransientError, UnclearAnswerError: as `update_master`.
        """
        answer = await self._post(company, f"{GROUPS}/GetNewAPInvGrpNoLock", {"ds": {"APInvGrp": []}})
        if refusal := self._transport.refusal(answer):
            return refusal
        row = _new_group_row(answer) | {"Company": company, "GroupID": group_id}
        row |= {"ApplyDate": f"{apply_date.isoformat()}T00:00:00", "RowMod": "A"}
        return self._transport.refusal(await self._post(company, f"{GROUPS}/Update", {"ds": {"APInvGrp": [row]}}))

    async def unlock_group(self, company: str, group_id: str) -> Refusal | None:
        """Give an AP invoice group back to people; None when Epicor did not object.

        Raises:
            TransientError, UnclearAnswerError: as `update_master`.
        """
        return self._transport.refusal(await self._post(company, f"{GROUPS}/UnlockGroup", {"InGroupID": group_id}))

    async def validate_account(self, company: str, chart: str, account: str, *, day: date) -> str | None:
        """What Epicor says against posting to a GL account on a day; None when it takes it.

        `account` is the internal form, as 6100|10|200 (Epicor reference, expense distribution and GL accounts).

        Raises:
            TransientError: Epicor cannot be asked now.
        """
        value = {
            "COACode": chart,
            "GLAccount": account,
            "ExtCompanyID": "",
            "RestrictID": "",
            "EffectiveDate": f"{day.isoformat()}T00:00:00",
            "ValidateDynamicSegment": False,
        }
        method = "Erp.BO.GLAccountSvc/ValidateGLAccount"
        answer = await self._ask(company, method, value)
        refusal = self._transport.refusal(answer)
        if refusal and (answer.status == httpx.codes.NOT_FOUND or not refusal.is_epicors_word):
            raise TransientError(elsewhere(answer, refusal.message))
        return None if refusal is None else refusal.message

    async def asked(self, company: str, method: str, value: Mapping[str, Any]) -> Any:
        """What a method that only reads answers.

        Raises:
            TransientError: Epicor cannot be asked now, or does not answer this question.
        """
        answer = await self._ask(company, method, value)
        if refusal := self._transport.refusal(answer):
            raise TransientError(elsewhere(answer, refusal.message))
        return value_of(answer)

    async def find(
        self,
        company: str,
        entity_set: str,
        *,
        field: str,
        keys: Iterable[str],
        select: Sequence[str],
        also: str | None = None,
    ) -> list[Row]:
        """The rows whose `field` is one of `keys`, in few calls; short pages are followed.

        Args:
            entity_set: service and set, for example Erp.BO.VendorSvc/Vendors.
            also: a condition every row must meet as well.

        Raises:
            TransientError: Epicor cannot be asked now.
        """
        return await find(self, company, entity_set, field=field, keys=keys, select=select, also=also)

    async def orders(self, company: str, numbers: Iterable[int]) -> OrderRows:
        """What Epicor holds of these purchase orders, and of their receipts.

        Raises:
            TransientError: Epicor cannot be asked now.
        """
        return await read_orders(self, company, numbers)

    async def pages(
        self,
        company: str,
        entity_set: str,
        *,
        key: str,
        select: Sequence[str],
        also: str | None = None,
        size: int = 100,
    ) -> AsyncIterator[list[Row]]:
        """Every row of a set in order of the unique field `key`, page by page until a page is empty.

        Raises:
            TransientError: Epicor cannot be asked now.
        """
        async for page in pages(self, company, entity_set, key=key, select=select, also=also, size=size):
            yield page

    async def rows(
        self,
        company: str,
        entity_set: str,
        *,
        where: str | None = None,
        select: Sequence[str] = (),
        order_by: str | None = None,
        top: int | None = None,
        skip: int = 0,
        expand: str | None = None,
    ) -> list[Row]:
        """One page of a set; the server may give fewer rows than there are.

        Raises:
            TransientError: Epicor cannot be asked now, or something else answers at its address.
            PermanentError: Epicor does not understand the question.
        """
        given = {"$filter": where, "$select": ",".join(select), "$orderby": order_by, "$top": top, "$expand": expand}
        params = {name: str(each) for name, each in (given | {"$skip": skip or None}).items() if each not in (None, "")}
        value = await self.ask(company, entity_set, params=params)
        found = value.get("value") if isinstance(value, Mapping) else None
        if not isinstance(found, list):
            raise TransientError(
                f"Epicor {entity_set}: the answer holds no rows; check epicor.base_url and the company."
            )
        return found

    async def ask(
        self, company: str, path: str, *, params: Mapping[str, str] | None = None, body: Mapping[str, Any] | None = None
    ) -> Any:
        """The JSON that Epicor answers to a question; with a body it is posted, though it still only reads.

        Raises:
            TransientError: Epicor cannot be asked now, or something else answers at its address.
            PermanentError: Epicor does not understand the question.
        """
        method, content = ("GET", None) if body is None else ("POST", dump_json(body))
        answer = await self._transport.call(method, company, path, writes=False, params=params, content=content)
        if refusal := self._transport.refusal(answer):
            if answer.status == httpx.codes.BAD_REQUEST and refusal.speaker != "somebody":
                raise PermanentError(f"Epicor {path} does not answer the question: {refusal.message}")
            raise TransientError(elsewhere(answer, refusal.message))
        return value_of(answer)

    async def record(self, company: str, service: str, params: Mapping[str, str]) -> Any:
        """The tableset of one record by its key, or None when there is none.

        Raises:
            TransientError: Epicor cannot be asked now.
        """
        answer = await self._transport.call("GET", company, f"{service}/GetByID", writes=False, params=params)
        if refusal := self._transport.refusal(answer):
            if answer.status == httpx.codes.NOT_FOUND and refusal.is_absence:
                return None
            raise TransientError(elsewhere(answer, refusal.message))
        value = value_of(answer)
        if not isinstance(value, Mapping) or "returnObj" not in value:
            raise TransientError(elsewhere(answer, "the answer holds no record"))
        return value["returnObj"]

    async def _ask(self, company: str, method: str, value: Mapping[str, Any]) -> Answer:
        return await self._transport.call("POST", company, method, writes=False, content=dump_json(value))

    async def _post(self, company: str, method: str, value: Mapping[str, Any]) -> Answer:
        return await self._transport.call("POST", company, method, writes=True, content=dump_json(value))


def _headers(company: str, rows: Iterable[Row]) -> list[APInvHedRow]:
    try:
        return [APInvHedRow.model_validate({"Company": company} | row) for row in rows]
    except ValidationError as error:
        raise PermanentError("Epicor APInvSearches: the answer cannot be read.") from error


def _new_group_row(answer: Answer) -> Row:
    value = value_of(answer)
    dataset = (value.get("parameters") or {}).get("ds") or {} if isinstance(value, Mapping) else {}
    rows = dataset.get("APInvGrp") or [{}]
    return {name: item for name, item in rows[-1].items() if name not in ("SysRevID", "SysRowID")}
