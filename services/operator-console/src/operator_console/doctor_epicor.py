"""Examines a connection's Epicor, one question after the other, in one of the connection's slots. It only reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mlc_common.company_rules import CompanyPair
from mlc_common.connections import Connection
from mlc_common.failures import FailureError, PermanentError
from mlc_epicor.odata import equals
from mlc_epicor.probe_replies import Reply
from mlc_epicor.probing import Prober
from mlc_epicor.questions import DATE_FORMS, DateForm, date_literal
from mlc_epicor.service_metadata import read_metadata
from operator_console.doctor_checks import Check, skipped, unknown
from operator_console.doctor_limits import Limit, Work
from operator_console.doctor_needs import Question, needed_columns, questions
from operator_console.doctor_verdicts_epicor import doors, is_denial, service
from operator_console.doctor_verdicts_model import columns, dates, no_metadata, pinned, segments

FIRST = "Erp.BO.VendorSvc/Vendors"
SEGMENTS = "Erp.BO.COASvc/COASegments"
_SOME_DAY = "2020-01-01T00:00:00"
_SHOWN = ("SegmentNbr", "SegmentName", "MaxLength", "Dynamic", "DisplayOrder")


async def examine(connection: Connection, prober: Prober, limit: Limit) -> list[Check]:
    """Everything about Epicor: first whether it lets us in at all, and only then the rest."""
    document = connection.document
    pairs = {pair.epicor: pair for pair in document.companies}
    replies: dict[str, Reply] = {}

    async def knock() -> list[Check]:
        for company in pairs:
            replies[company] = await prober.ask(company, FIRST, params={"$top": "1", "$select": "VendorNum"})
        return doors(replies, connection=connection.name)

    remedy = "see the checks of name, certificate and network above; else ask Epicor's administrator whether it runs"
    found = await limit.within("epicor answers", knock, remedy=remedy)
    inside = [pair for company, pair in pairs.items() if company in replies and _lets_in(replies[company])]
    if not inside:
        return [*found, skipped("epicor services", "not asked, because Epicor does not let us in or does not answer")]
    for pair in inside:
        for question in questions(document, pair):
            found += await limit.within(
                f"epicor {question.path} {pair.epicor}", _asking(prober, pair.epicor, question), remedy=_LATE
            )
    first = inside[0].epicor
    found += await limit.within("epicor UpdateMaster", lambda: _model(prober, connection, first), remedy=_LATE)
    found += await limit.within("epicor dates", lambda: _dates(prober, connection, first), remedy=_LATE)
    for pair in inside:
        work = _comparing(prober, connection, pair)
        found += await limit.within(f"epicor segments {pair.epicor}", work, remedy=_LATE)
    return found


_LATE = "ask Epicor's administrator why; where a set answers 500, see docs/masterdata.md for other ways to read it"


def _lets_in(reply: Reply) -> bool:
    """Denied for one service is inside all the same."""
    return reply.refusal is None or (is_denial(reply.refusal) and "access denied" in reply.refusal.message.lower())


def _asking(prober: Prober, company: str, question: Question) -> Work:
    async def ask() -> list[Check]:
        reply = await prober.ask(company, question.path, params=question.params, body=question.body)
        return [service(question, company, reply)]

    return ask


async def _model(prober: Prober, connection: Connection, company: str) -> list[Check]:
    try:
        reply = await prober.text(company, "Erp.BO.APInvoiceSvc/$metadata", accept="application/xml")
        if reply.refusal is not None:
            return no_metadata(f"this Epicor shows no metadata: {reply.refusal.status} {reply.refusal.message}")
        return columns(read_metadata(reply.value), needed_columns(connection.document))
    except PermanentError as error:
        return no_metadata(str(error))
    except FailureError as error:
        return no_metadata(f"this Epicor shows no metadata: {error}")


async def _dates(prober: Prober, connection: Connection, company: str) -> list[Check]:
    payments = connection.document.payments
    follows = payments.mode == "follow" and payments.read in ("APTranSearches", "APTrans")
    path, column = "Erp.BO.APInvSearchSvc/APInvSearches", "InvoiceDate"
    if follows:
        searched = payments.read == "APTranSearches"
        path = "Erp.BO.APTranSearchSvc/APTranSearches" if searched else "Erp.BO.PaymentEntrySvc/APTrans"
        column = "ChangeDate"
    taken: list[DateForm] = []
    for form in DATE_FORMS:
        params = {"$top": "1", "$filter": f"{column} ge {date_literal(_SOME_DAY, form)}"}
        reply = await prober.ask(company, path, params=params)
        if reply.refusal is not None and reply.refusal.status != 400:
            return [
                unknown("epicor dates", f"{path} does not answer: {reply.refusal.message}", "see its own line above")
            ]
        taken += [form] if reply.refusal is None else []
    return [dates(taken, insisted=pinned(connection.document), follows=follows)]


def _comparing(prober: Prober, connection: Connection, pair: CompanyPair) -> Work:
    async def compare() -> list[Check]:
        params = {"$filter": equals("COACode", pair.chart), "$select": ",".join(_SHOWN), "$top": "100"}
        reply = await prober.ask(pair.epicor, SEGMENTS, params=params)
        rows = _rows(reply)
        if rows is None:
            why = reply.refusal.message if reply.refusal else "the answer holds no rows"
            remedy = (
                "allow Erp.BO.COASvc in the API key's access scope, or compare companies[].segments with Chart of "
                "Accounts Maintenance yourself"
            )
            return [unknown(f"epicor segments {pair.epicor}", why, remedy)]
        return [segments(pair, connection.document, rows)]

    return compare


def _rows(reply: Reply) -> Sequence[Mapping[str, object]] | None:
    rows = reply.value.get("value") if isinstance(reply.value, Mapping) else None
    if not isinstance(rows, list):
        return None
    return [row for row in rows if isinstance(row, Mapping) and "SegmentNbr" in row]
