"""The exchange rate of an invoice in foreign currency, proven by the sums that Basware gives in both. Pure.

Basware API reference, numbers, dates, currency: the direction of `exchangeRateCompany` is not documented, so it is
worked out: netSum x rate meets netSumCompany, or netSum / rate does, or the rate is not to be trusted.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import ROUND_HALF_EVEN, Decimal

from epicor_writer.reference import same_key
from mlc_basware.documents import AccountingDocument
from mlc_common.catalogue import Finding, finding
from mlc_common.company_rules import CompanyPair
from mlc_common.posting_rules import Posting

RATE_DECIMALS = Decimal("0.0000000001")
ONE = Decimal(1)


def currency_of(document: AccountingDocument, pair: CompanyPair) -> str:
    """Epicor's code of the invoice's currency."""
    given = document.currencyCode.strip()
    return pair.currencies.get(given, given)


def rate_of(document: AccountingDocument, pair: CompanyPair, posting: Posting) -> Decimal | None:
    """Units of base currency for one unit of the invoice's; None where Epicor's own rate is taken, or none fits."""
    if posting.exchange_rates.source == "epicor" or _is_home(document, pair):
        return None
    net, home, given = document.netSum, document.netSumCompany, document.exchangeRateCompany
    if not net or home is None or not given or given < 0:
        return None
    inverse = (ONE / given).quantize(RATE_DECIMALS, ROUND_HALF_EVEN)
    fits = (rate for rate in (given, inverse) if abs(net * rate - home) <= posting.exchange_rates.tolerance)
    return next(fits, None)


def exchange_findings(document: AccountingDocument, pair: CompanyPair, posting: Posting) -> Iterator[Finding]:
    """What is wrong with the currencies and the rate."""
    home = document.currencyCodeCompany
    if home and same_key(pair.currencies.get(home.strip(), home)) != same_key(pair.currency):
        values = {"given": home, "company": pair.epicor, "currency": pair.currency}
        yield finding("OTHER_HOME_CURRENCY", field="currencyCodeCompany", **values)
    if posting.exchange_rates.source == "epicor" or _is_home(document, pair) or not document.netSum:
        return
    if document.exchangeRateCompany is None or document.netSumCompany is None:
        yield finding("NO_RATE", field="exchangeRateCompany", currency=document.currencyCode)
    elif rate_of(document, pair, posting) is None:
        sums = {"rate": document.exchangeRateCompany, "net": document.netSum, "home": document.netSumCompany}
        yield finding("RATE_DOES_NOT_FIT", field="exchangeRateCompany", currency=document.currencyCode, **sums)


def _is_home(document: AccountingDocument, pair: CompanyPair) -> bool:
    return same_key(currency_of(document, pair)) == same_key(pair.currency)
