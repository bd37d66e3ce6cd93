"""Every kind of break: its class, what is wrong, whose it is and what to do. Pure; docs/reconciliation.md lists it."""

from __future__ import annotations

from collections.abc import Mapping

from operator_console.reconciliation.breaks_after import AFTER
from operator_console.reconciliation.breaks_before import BEFORE
from operator_console.reconciliation.breaks_in_epicor import IN_EPICOR
from operator_console.reconciliation.kind import Kind

BREAKS: Mapping[str, Kind] = {**BEFORE, **IN_EPICOR, **AFTER}
"""Every kind by its code; a test reaches each one."""
