"""The control plane of payments: what accounts payable does by hand, one call each under `/_sandbox/payments`."""

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from pydantic import BaseModel, ConfigDict
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mlc_sandbox.epicor import payments
from mlc_sandbox.epicor.wire import Row, answer
from mlc_sandbox.epicor.world import EpicorWorld
from mlc_sandbox.exact_json import loads

Clock = Callable[[], datetime]


class _Order(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    company: str


class PartOrder(BaseModel):
    """One invoice of a payment; see `payments.Part`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    vendor: int
    invoice: str
    amount: Decimal | None = None
    discount: Decimal = Decimal(0)
    withheld: Decimal = Decimal(0)

    def part(self) -> payments.Part:
        """As the ledger takes it."""
        return payments.Part(self.vendor, self.invoice, self.amount, self.discount, self.withheld)


class PayOrder(_Order):
    """`POST /_sandbox/payments/pay`: one payment of one or more invoices; see `payments.Cheque`."""

    invoices: list[PartOrder]
    day: date
    method: str = "ACH"
    number: int = 0
    currency: str = ""
    applying: bool = False
    netting: int = 0
    posted: bool = True


class HeadOrder(_Order):
    """`POST /_sandbox/payments/post` and `/void`: a payment by its HeadNum."""

    head: int
    day: date | None = None
    reason: str = ""


class AdjustOrder(_Order):
    """`POST /_sandbox/payments/adjust`: take something off an invoice that is no payment."""

    invoice: PartOrder
    day: date


class HoldOrder(_Order):
    """`POST /_sandbox/payments/hold`: set or lift an invoice's payment hold."""

    vendor: int
    invoice: str
    on: bool = True


def routes(world: EpicorWorld, *, now: Clock) -> list[Route]:
    """The routes; each answers with the payments of the company."""

    def route(name: str, act: Callable[[EpicorWorld, Any, datetime], Row]) -> Route:
        async def endpoint(request: Request) -> Response:
            try:
                return answer(act(world, loads(await request.body()), now()))
            except (ValueError, KeyError) as refusal:
                return answer({"error": str(refusal)}, status=400)

        return Route(f"/_sandbox/payments/{name}", endpoint, methods=["POST"])

    acts = {"pay": _pay, "post": _post, "void": _void, "adjust": _adjust, "hold": _hold}
    return [route(name, act) for name, act in acts.items()]


def _pay(world: EpicorWorld, body: Any, at: datetime) -> Row:
    order = PayOrder.model_validate(body)
    made = order.model_dump(exclude={"company", "invoices"})
    parts = [each.part() for each in order.invoices]
    return {"head": payments.pay(world, order.company, parts, payments.Cheque(**made), at=at)}


def _post(world: EpicorWorld, body: Any, at: datetime) -> Row:
    order = HeadOrder.model_validate(body)
    payments.post(world, order.company, order.head, at=at)
    return {"head": order.head}


def _void(world: EpicorWorld, body: Any, at: datetime) -> Row:
    order = HeadOrder.model_validate(body)
    payments.void(world, order.company, order.head, on=order.day or at.date(), at=at, reason=order.reason)
    return {"head": order.head}


def _adjust(world: EpicorWorld, body: Any, at: datetime) -> Row:
    order = AdjustOrder.model_validate(body)
    payments.adjust(world, order.company, order.invoice.part(), on=order.day, at=at)
    return {"head": world.head}


def _hold(world: EpicorWorld, body: Any, at: datetime) -> Row:
    del at
    order = HoldOrder.model_validate(body)
    invoice = world.invoice(order.company, order.vendor, order.invoice)
    if invoice is None:
        raise KeyError(f"invoice {order.invoice} is not known")
    invoice.header |= {"PayHold": order.on, **world.touch()}
    return {"PayHold": order.on}
