"""Every kind of master data this service knows, in the order Basware needs them."""

from __future__ import annotations

from masterdata_sync.kind import Kind
from masterdata_sync.kinds import vendors
from mlc_common.connection import ConnectionDocument


def kinds_of(document: ConnectionDocument) -> tuple[Kind, ...]:
    """The kinds of a connection; what one needs stands before it."""
    del document
    return (vendors.KIND,)
