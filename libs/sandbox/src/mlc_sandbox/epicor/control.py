"""The control plane under `/_sandbox`: look into the world, script faults, change settings."""

from collections.abc import Awaitable, Callable
from typing import Any

from pydantic import SecretStr
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mlc_sandbox.epicor.settings import Settings
from mlc_sandbox.epicor.wire import Row, answer
from mlc_sandbox.epicor.world import EpicorWorld, Invoice
from mlc_sandbox.exact_json import loads

Endpoint = Callable[[Request], Awaitable[Response]]


def routes(world: EpicorWorld) -> list[Route]:
    """All routes of the control plane."""

    def route(method: str, path: str, act: Callable[[EpicorWorld, Request, Any], Any]) -> Route:
        return Route(f"/_sandbox/{path}", _endpoint(world, act), methods=[method])

    return [
        route("GET", "state", _state),
        route("GET", "invoices", _invoices),
        route("GET", "calls", _calls),
        route("GET", "faults", _faults),
        route("POST", "faults", _add_faults),
        route("DELETE", "faults", _clear_faults),
        route("POST", "settings", _change_settings),
        route("DELETE", "tokens", _revoke_tokens),
        route("POST", "post/{company}/{group}", _post_group),
        route("POST", "reset", _reset),
    ]


def _endpoint(world: EpicorWorld, act: Callable[[EpicorWorld, Request, Any], Any]) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        body = await request.body()
        try:
            return answer(act(world, request, loads(body) if body else None))
        except (ValueError, KeyError) as refusal:
            return answer({"error": str(refusal)}, status=400)

    return endpoint


def _state(world: EpicorWorld, request: Request, body: Any) -> Row:
    del request, body
    invoices = world.invoices.values()
    return {
        "settings": _shown(world.settings),
        "companies": [
            {
                "company": company,
                "vendors": sum(key[0] == company for key in world.master.vendors),
                "accounts": sum(key[0] == company for key in world.master.accounts),
                "invoices": sum(invoice.header["Company"] == company for invoice in invoices),
            }
            for company in world.master.companies
        ],
        "groups": list(world.groups.values()),
        "invoices": len(world.invoices),
        "posted": sum(invoice.posted for invoice in invoices),
        "faults": world.faults.state(),
        "calls": world.calls.counters(),
    }


def _shown(settings: Settings) -> Row:
    """The settings without the secrets."""
    shown = settings.model_dump(mode="json")
    return {name: value for name, value in shown.items() if not isinstance(getattr(settings, name), SecretStr)}


def invoice_view(invoice: Invoice) -> Row:
    """An AP invoice on one page: the header's columns that matter, and all its rows."""
    header = invoice.header
    names = ("Company", "VendorNum", "VendorNumVendorID", "InvoiceNum", "GroupID", "Posted", "ExternalID")
    totals = ("DocInvoiceAmt", "DocInvoiceVendorAmt", "DocInvoiceVariance", "LegalNumber", "EntryPerson", "ApplyDate")
    return {**{name: header[name] for name in (*names, *totals)}, **invoice.tables()}


def _invoices(world: EpicorWorld, request: Request, body: Any) -> Row:
    del request, body
    return {"invoices": [invoice_view(invoice) for invoice in world.invoices.values()]}


def _calls(world: EpicorWorld, request: Request, body: Any) -> Row:
    del request, body
    return {**world.calls.counters(), "calls": list(world.calls.log)}


def _faults(world: EpicorWorld, request: Request, body: Any) -> Row:
    del request, body
    return {"faults": world.faults.state()}


def _add_faults(world: EpicorWorld, request: Request, body: Any) -> Row:
    """A JSON list of faults, appended; all or none."""
    if not isinstance(body, list):
        raise ValueError("send a list of faults")  # noqa: TRY004 - answered 400 like any other wrong body
    world.faults.add_json(body)
    return _faults(world, request, None)


def _clear_faults(world: EpicorWorld, request: Request, body: Any) -> Row:
    del body
    world.faults.clear()
    return _faults(world, request, None)


def _change_settings(world: EpicorWorld, request: Request, body: Any) -> Row:
    """A JSON object of settings to change; credentials are not among them."""
    del request
    if not isinstance(body, dict) or any(isinstance(getattr(world.settings, name, None), SecretStr) for name in body):
        raise ValueError("send an object of settings; credentials cannot be changed")
    world.settings = Settings.model_validate({**dict(world.settings), **body})
    return {"settings": _shown(world.settings)}


def _revoke_tokens(world: EpicorWorld, request: Request, body: Any) -> Row:
    """Every access token is dead from now on; new ones are issued as before."""
    del request, body
    revoked = len(world.tokens)
    world.tokens.clear()
    return {"revoked": revoked}


def _post_group(world: EpicorWorld, request: Request, body: Any) -> Row:
    """What AP staff do by hand: post a group."""
    del body
    posted = world.post_group(request.path_params["company"], request.path_params["group"])
    return {"posted": [invoice.header["InvoiceNum"] for invoice in posted]}


def _reset(world: EpicorWorld, request: Request, body: Any) -> Row:
    world.reset()
    return _state(world, request, body)
