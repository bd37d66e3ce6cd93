"""The sample invoices, put on the stage by one call."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from mlc_sandbox.basware.access import Clock
from mlc_sandbox.basware.control import announced, object_in, parsed
from mlc_sandbox.basware.wire import RefusedError
from mlc_sandbox.basware.world import BaswareWorld
from mlc_sandbox.samples import approved_invoices, bad_invoices, bulk_invoices


class Sampling(BaseModel):
    """What `POST /_sandbox/samples` may say: `bad` names defects of `bad_invoices`, `bulk` is a number of invoices."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    approved: bool = False
    bad: list[str] = []
    bulk: Annotated[int, Field(ge=0, le=100_000)] = 0
    seed: int = 1


async def add_samples(request: Request, *, world: BaswareWorld, now: Clock) -> Response:
    """`POST /_sandbox/samples`: put sample invoices at WaitingForTransfer, dated around today."""
    documents = _chosen(parsed(Sampling, await object_in(request)), now=now)
    try:
        added = world.add(documents, at=now())
    except ValueError as known:
        raise RefusedError(409, {"message": str(known)}) from known
    return announced({"added": [document.invoice_id for document in added]}, added, world=world, now=now)


def _chosen(sampling: Sampling, *, now: Clock) -> list[dict[str, Any]]:
    today = now().date()
    bad = bad_invoices(today)
    unknown = sorted(set(sampling.bad) - set(bad))
    if unknown:
        raise RefusedError(400, {"message": f"no sample is named {', '.join(unknown)}; there are {', '.join(bad)}"})
    return [
        *(approved_invoices(today) if sampling.approved else []),
        *(bad[name] for name in sampling.bad),
        *bulk_invoices(sampling.bulk, seed=sampling.seed, today=today),
    ]
