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
from mlc_epicor.datasets import APInvGrpRow, APInvHedRow, APInvoiceDataset, Saved
from mlc_epicor.errors import Refusal
from mlc_epicor.odata import any_of, both, chunks, collated, equals, literal
from mlc_epicor.sign_in import SignIn
from mlc_epicor.transport import Transport, value_of

WEB_SERVICE_LICENCE = "00000003-9439-4B30-A6F4-6D2FD4B9FD0F"
"""The licence that web services claim, the same for all tenants; without it a person's licence is used up
(Epicor reference, sessions and licences)."""

INVOICES = "Erp.BO.APInvoiceSvc"
GROUPS = "Erp.BO.APInvGrpSvc"

_ALIKE = (
    "VendorNum",
    "InvoiceNum",
    "InvoiceDate",
    "DocInvoiceAmt",
    "CurrencyCode",
    "DebitMemo",
    "ExternalID",
    "GroupID",
    "EntryPerson",
    "Posted",
)

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

    async def invoice(self, company: str, vendor_num: int, invoice_num: str) -> APInvoiceDataset | None:
        """The AP invoice with this key, or None when there is none.

        Raises:
            TransientError: Epicor cannot be asked now.
        """
        params = {"vendorNum": str(vendor_num), "invoiceNum": invoice_num}
        body = await self._get_by_id(company, INVOICES, params)
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
        pages = self.pages(company, "Erp.BO.APInvSearchSvc/APInvSearches", key="InvoiceNum", select=_ALIKE, also=where)
        try:
            return [APInvHedRow.model_validate({"Company": company} | row) async for page in pages for row in page]
        except ValidationError as error:
            raise PermanentError("Epicor APInvSearches: the answer cannot be read.") from error

    async def update_master(self, company: str, dataset: APInvoiceDataset, *, group_id: str) -> Saved | Refusal:
        """Save a whole AP invoice in one call; what Epicor then holds must be read back whatever the answer is.

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
                "cTableName": "APInvHed",
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
        body = await self._get_by_id(company, GROUPS, {"groupID": group_id})
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
        answer = await self._transport.call("POST", company, method, writes=False, content=dump_json(value))
        refusal = self._transport.refusal(answer)
        if refusal and answer.status == httpx.codes.NOT_FOUND:
            raise TransientError(_elsewhere(answer, refusal.message))
        return None if refusal is None else refusal.message

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
        found: list[Row] = []
        missing = sorted(set(keys))
        while missing:
            fresh: list[Row] = []
            for some in chunks(missing):
                fresh += await self.rows(company, entity_set, where=both(also, any_of(field, some)), select=select)
            found += fresh
            seen = {collated(str(row.get(field) or "")) for row in fresh}
            left = [key for key in missing if collated(key) not in seen]
            missing = left if len(left) < len(missing) else []
        return found

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
        last: str | int | None = None
        while True:
            after = None if last is None else f"{key} gt {literal(last)}"
            rows = await self.rows(company, entity_set, where=both(also, after), select=select, order_by=key, top=size)
            if not rows:
                return
            yield rows
            last = rows[-1][key]

    async def rows(
        self,
        company: str,
        entity_set: str,
        *,
        where: str | None = None,
        select: Sequence[str] = (),
        order_by: str | None = None,
        top: int | None = None,
    ) -> list[Row]:
        """One page of a set; the server may give fewer rows than there are.

        Raises:
            TransientError: Epicor cannot be asked now, or something else answers at its address.
            PermanentError: Epicor does not understand the question.
        """
        params = {
            name: value
            for name, value in (
                ("$filter", where),
                ("$select", ",".join(select)),
                ("$orderby", order_by),
                ("$top", None if top is None else str(top)),
            )
            if value
        }
        answer = await self.read(company, entity_set, params)
        value = value_of(answer)
        found = value.get("value") if isinstance(value, Mapping) else None
        if not isinstance(found, list):
            raise TransientError(_elsewhere(answer, "the answer holds no rows"))
        return found

    async def read(self, company: str, path: str, params: Mapping[str, str]) -> Answer:
        """The answer to a GET of an entity set, a method that reads, or a BAQ.

        Raises:
            TransientError: Epicor cannot be asked now, or something else answers at its address.
            PermanentError: Epicor does not understand the question.
        """
        answer = await self._transport.call("GET", company, path, writes=False, params=params)
        if refusal := self._transport.refusal(answer):
            if answer.status == httpx.codes.BAD_REQUEST and refusal.speaker != "somebody":
                raise PermanentError(f"Epicor {path} does not answer the question: {refusal.message}")
            raise TransientError(_elsewhere(answer, refusal.message))
        return answer

    async def _get_by_id(self, company: str, service: str, params: Mapping[str, str]) -> Any:
        answer = await self._transport.call("GET", company, f"{service}/GetByID", writes=False, params=params)
        if refusal := self._transport.refusal(answer):
            if answer.status == httpx.codes.NOT_FOUND and refusal.is_absence:
                return None
            raise TransientError(_elsewhere(answer, refusal.message))
        value = value_of(answer)
        if not isinstance(value, Mapping) or "returnObj" not in value:
            raise TransientError(_elsewhere(answer, "the answer holds no record"))
        return value["returnObj"]

    async def _post(self, company: str, method: str, value: Mapping[str, Any]) -> Answer:
        return await self._transport.call("POST", company, method, writes=True, content=dump_json(value))


def _elsewhere(answer: Answer, why: str) -> str:
    """What to check when it does not look as if Epicor's service answered."""
    return (
        f"{answer.what} answered {answer.status}: {why}; check epicor.base_url, that the company exists there, and "
        "whether Epicor is being maintained."
    )


def _new_group_row(answer: Answer) -> Row:
    value = value_of(answer)
    dataset = (value.get("parameters") or {}).get("ds") or {} if isinstance(value, Mapping) else {}
    rows = dataset.get("APInvGrp") or [{}]
    return {name: item for name, item in rows[-1].items() if name not in ("SysRevID", "SysRowID")}
