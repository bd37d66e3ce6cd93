"""Every kind of master data this service knows, in the order Basware needs them."""

from __future__ import annotations

from masterdata_sync.kind import Kind
from masterdata_sync.kinds import (
    exchange_rates,
    gl_accounts,
    order_lines,
    orders,
    payment_terms,
    projects,
    segments,
    tax_codes,
    vendors,
)
from mlc_common.connection import ConnectionDocument


def kinds_of(document: ConnectionDocument) -> tuple[Kind, ...]:
    """The kinds of a connection; what one needs stands before it (Basware API reference, §7, dependency order)."""
    wanted = document.kinds
    codes = [
        *([payment_terms.KIND] if wanted.payment_terms else []),
        *([tax_codes.KIND] if wanted.tax_codes else []),
        *_accounts(document),
        *(segments.dimension(name, rules) for name, rules in wanted.dimensions.items()),
        *([projects.KIND] if wanted.projects else []),
        *([exchange_rates.kind(wanted.exchange_rates)] if wanted.exchange_rates else []),
    ]
    terms = tuple(kind.name for kind in codes if kind.name == payment_terms.KIND.name)
    bought_from = [vendors.kind(wanted.vendors, needs=terms)] if wanted.vendors else []
    if wanted.orders is None:
        return (*codes, *bought_from)
    coding = tuple(kind.name for kind in codes if kind.name not in ("exchange_rate", "payment_term"))
    header = orders.kind(wanted.orders, needs=(*terms, *(kind.name for kind in bought_from)))
    lines = order_lines.kind(wanted.orders, needs=(*coding, header.name))
    return (*codes, *bought_from, header, lines)


def _accounts(document: ConnectionDocument) -> tuple[Kind, ...]:
    rules = document.kinds.accounts
    if rules is None:
        return ()
    return (gl_accounts.KIND,) if rules.of == "gl accounts" else (segments.accounts(rules.segment),)
