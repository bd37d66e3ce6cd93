"""Judges scopes and push subscriptions. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mlc_basware.subscription_plans import Subscription, Wish, standing
from operator_console.doctor_checks import Check, failed, passed, unknown

SCOPES = "basware scopes"


def scopes(needed: Sequence[str], *, asked: Iterable[str], granted: frozenset[str] | None) -> Check:
    """What the connection needs against what its file asks for and Basware grants; None: Basware did not say."""
    unasked = [each for each in needed if each not in set(asked)]
    if unasked:
        return failed(
            SCOPES,
            f"not asked for: {', '.join(unasked)}",
            f"add to basware.scopes: {', '.join(unasked)}; apply the file",
        )
    if granted is None:
        remedy = f"see in Basware's administration that the API user has: {', '.join(needed)}"
        return unknown(SCOPES, "the token does not say what it grants", remedy)
    missing = [each for each in needed if each not in granted]
    if missing:
        return not_granted(missing)
    deleting = sorted(each for each in granted if each.endswith(".delete") and not each.startswith("subscriptions."))
    more = f"; more than is ever used: {', '.join(deleting)}" if deleting else ""
    return passed(SCOPES, f"{', '.join(needed)}{more}")


def not_granted(missing: Sequence[str]) -> Check:
    """Scopes that Basware does not grant."""
    named = ", ".join(missing)
    return failed(SCOPES, f"not granted: {named}", f"let Basware's administration grant the API user: {named}")


def token_refused(sentence: str, status: int) -> Check:
    """No token at all."""
    if status in (401, 403):
        remedy = "set them anew: ml-connector credentials set NAME (basware.client_id, basware.client_secret)"
        return failed("basware token", sentence, f"{remedy}; they belong to one environment, test or production")
    return failed("basware token", sentence, "check basware.token_url (or base_url) in the connection file")


def push(
    wish: Wish, held: Sequence[Subscription], *, connection: str, url: str | None, secrets: Sequence[str]
) -> Check:
    """A subscription as it is against how it should be."""
    name, ensure = f"basware push {wish.sub_type}", f"ml-connector subscription ensure {connection}"
    if url is None:
        detail = f"{sum(each.covers(wish) for each in held)} in this tenant; the connection names no address of its own"
        remedy = f"set basware.webhook.address in the connection file, apply it, then: {ensure}"
        return unknown(name, detail, remedy)
    match standing(wish, held, url=url, secrets=secrets):
        case "right":
            return passed(name, f"goes to {url}")
        case "other secret":
            detail = f"goes to {url}, signed with a secret that is not this connection's: every push is answered 401"
            return failed(name, detail, f"{ensure}  (or set the right one: ml-connector credentials set {connection})")
        case "elsewhere":
            there = ", ".join(sorted({each.url for each in held if each.covers(wish)}))
            remedy = f"if that address is given up: {ensure} --replace; if not, correct basware.webhook.address"
            return failed(name, f"goes to another address: {there}", remedy)
        case "missing":
            return failed(name, f"there is no subscription of {wish}; only the sweep finds invoices", ensure)
