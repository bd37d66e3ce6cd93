"""Every kind of master data this service knows, in the order Basware needs them."""

from __future__ import annotations

from masterdata_sync.kind import Kind
from masterdata_sync.kinds import vendors

KINDS: tuple[Kind, ...] = (vendors.KIND,)
