"""What becomes of an invoice in accounts payable, and what Basware knows in the end: one history a file, as text."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from basware_reader.payment_answers import content_of, is_told, to_payment_response
from masterdata_sync.payments.picture import is_news, payment_picture
from mlc_basware.payments import PaymentResponse
from mlc_common.connection import ConnectionDocument
from mlc_common.events import DocumentApproved, PaymentSeen
from mlc_common.http import dump_json, load_json
from mlc_common.payment_events import Picture
from mlc_common.payment_text import payment_text
from mlc_epicor.payables import APTranRow, CheckHedRow, PayableRow, read_rows
from mlc_sandbox.basware.fields import violations
from mlc_sandbox.epicor import EpicorWorld
from mlc_sandbox.epicor.histories import LOOK, Account, steps
from mlc_sandbox.epicor.settings import Settings

HISTORIES = sorted(Path(__file__).parent.glob("*.history"))
AT = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
CONNECTION = ConnectionDocument.model_validate(
    {
        "name": "demo",
        "epicor": {"base_url": "https://erp.example/live"},
        "companies": [{"basware": "US01", "epicor": "NWM", "currency": "USD", "segments": [{"field": "accountCode"}]}],
    }
)


def approved(account: Account) -> DocumentApproved:
    header = account.invoice.header
    body = {
        **{"invoiceId": "inv-1", "processingStatus": "TransferInProgress", "companyCode": "US01"},
        **{"supplierCode": "10432", "currencyCode": header["CurrencyCode"], "grossSum": header["DocInvoiceAmt"]},
        **{"paymentTermCode": "N30", "paymentMethod": "As agreed"},
    }
    return DocumentApproved(
        connection="demo", at=AT, invoice_id="inv-1", attempt="b1", seen_by="push", status="TransferInProgress",
        company_code="US01", supplier_code="10432", currency=header["CurrencyCode"], document=dump_json(body).decode(),
    )  # fmt: skip


def picture_of(account: Account) -> Picture:
    world, header = account.world, account.invoice.header
    mine = [row for row in world.transactions if row["InvoiceNum"] == header["InvoiceNum"]]
    heads = {row["HeadNum"] for row in mine}
    cheques = [row for (_, head), row in world.cheques.items() if head in heads]
    (payable,) = read_rows(PayableRow, [header])
    return payment_picture(payable, read_rows(APTranRow, mine), read_rows(CheckHedRow, cheques))


def replayed(account: Account, history: str) -> Iterator[tuple[Picture, PaymentResponse | None]]:
    """Every picture that is news, and what Basware is told of it."""
    before: Picture | None = None
    told: PaymentResponse | None = None
    number = 0
    for step in steps(history):
        account.play(step, at=AT)
        if step != LOOK or not is_news(picture := picture_of(account), before):
            continue
        before, number = picture, number + 1
        seen = PaymentSeen(
            connection="demo", at=AT, invoice_id="inv-1", attempt="b1", number=number, company="NWM", vendor_num=101,
            invoice_num=account.number, picture=picture,
        )  # fmt: skip
        response = None
        if is_told(picture, before=told is not None):
            response = to_payment_response(seen, document=CONNECTION, approved=approved(account))
            if told is not None and content_of(told) == content_of(response):
                response = None
        told = response or told
        yield picture, response


def written(account: Account, history: str) -> str:
    """The pictures and the final state as a bookkeeper reads them."""
    lines: list[str] = []
    last: PaymentResponse | None = None
    tellings = 0
    for number, (picture, response) in enumerate(replayed(account, history), start=1):
        lines += [f"picture {number}: {picture.standing}", f"    {payment_text(picture)}", *_amounts(picture)]
        lines.append(f"    {'Basware is told' if response else 'Basware is not told'}")
        last, tellings = response or last, tellings + bool(response)
    lines.append(f"Basware, told {tellings} times:")
    lines += [f"    {name}: {_plain(value)}" for name, value in (_said(last) if last else {}).items()]
    return "\n".join(lines) + "\n"


def _amounts(picture: Picture) -> list[str]:
    names = ("invoice_amount", "paid", "discount", "withheld", "otherwise", "balance")
    return ["    " + ", ".join(f"{name} {getattr(picture, name)}" for name in names)]


def _said(response: PaymentResponse) -> dict[str, Any]:
    return {name: value for name, value in response.to_wire().items() if name != "externalCode"}


def _plain(value: object) -> str:
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def new_account(amounts: str) -> Account:
    world = EpicorWorld(Settings(payment_amounts=amounts))
    return Account(world, "NWM", 101, "SI-1", "inv-1")


@pytest.mark.parametrize("history", HISTORIES, ids=lambda path: path.stem)
def test_a_history_ends_in_the_golden_state(history: Path, golden: Callable[[Path, str], None]) -> None:
    text = history.read_text(encoding="utf-8")
    net, gross = (written(new_account(amounts), text) for amounts in ("net", "gross"))

    assert net == gross, "the same whether DocTranAmt holds discount and withheld tax or not"
    golden(history.with_suffix(".expected"), net)


@pytest.mark.parametrize("history", HISTORIES, ids=lambda path: path.stem)
def test_what_is_told_is_what_baswares_schema_allows(history: Path) -> None:
    for _, response in replayed(new_account("net"), history.read_text(encoding="utf-8")):
        if response is not None:
            assert violations("PaymentResponseEntity", load_json(dump_json(response.to_wire()))) == []


def test_there_are_enough_histories() -> None:
    assert len(HISTORIES) >= 30
    assert date.fromisoformat("2026-11-03") < AT.date()
