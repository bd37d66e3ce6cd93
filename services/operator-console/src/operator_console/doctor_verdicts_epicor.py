"""Judges what Epicor answers. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from mlc_epicor.errors import Refusal, closed_door
from mlc_epicor.probe_replies import Reply
from operator_console.doctor_checks import Check, failed, passed, skipped, unknown
from operator_console.doctor_needs import Question

SHARED_PENALTY = 18.0
"""Seconds; where all web-service licences are in use, a call is held back for twenty (Epicor reference, licences)."""

_KEY = "epicor api key"
_SIGN_IN = "epicor sign-in"
_LICENCE = "epicor licence"


def doors(replies: Mapping[str, Reply], *, connection: str) -> list[Check]:
    """Sign-in, API key, licence and companies, by the first answer that each company's address gave."""
    closed = {company: closed_door(r.refusal) for company, r in replies.items() if r.refusal and is_denial(r.refusal)}
    if "sign-in" in closed.values():
        said = next(r.refusal.message for r in replies.values() if r.refusal and is_denial(r.refusal))
        remedy = f"ml-connector credentials set {connection}; try it once only, Epicor may lock the user"
        rest = [skipped(name, "not asked without a sign-in") for name in (_KEY, _LICENCE, *map(_company, replies))]
        return [failed(_SIGN_IN, said, remedy), *rest]
    keyless = [company for company, door in closed.items() if door == "api key"]
    found = [passed(_SIGN_IN), _api_key(keyless, replies, connection=connection), _licence(closed, replies)]
    return [*found, *_companies(keyless, replies)]


def is_denial(refusal: Refusal) -> bool:
    """Whether Epicor did not let us in, and did not merely say no to the question."""
    return refusal.status in (401, 403) or refusal.is_licence_trouble


def _company(company: str) -> str:
    return f"epicor company {company}"


def _api_key(keyless: Sequence[str], replies: Mapping[str, Reply], *, connection: str) -> Check:
    if len(keyless) < len(replies):
        return passed(_KEY)
    remedy = (
        f"ml-connector credentials set {connection} (epicor.api_key); the key belongs to one environment, may have "
        f"ended, and must be for all companies or for {', '.join(replies)}"
    )
    return failed(_KEY, "Epicor says: Invalid API Key", remedy)


def _licence(closed: Mapping[str, str], replies: Mapping[str, Reply]) -> Check:
    said = [r.refusal.message for company, r in replies.items() if r.refusal and closed.get(company) == "licence"]
    if said:
        remedy = "free web-service licences in Epicor's session administration, or lower epicor.calls_in_flight"
        return failed(_LICENCE, said[0], remedy)
    slowest = max(each.seconds for each in replies.values())
    if slowest >= SHARED_PENALTY:
        detail = f"a small question took {slowest:.0f} s, as where all web-service licences are in use"
        return failed(_LICENCE, detail, "buy or free web-service licences, or lower epicor.calls_in_flight")
    return passed(_LICENCE, "the web services' licence is claimed and was given")


def _companies(keyless: Sequence[str], replies: Mapping[str, Reply]) -> Iterator[Check]:
    for company, reply in replies.items():
        name, refusal = _company(company), reply.refusal
        if company in keyless and len(keyless) < len(replies):
            remedy = (
                f"correct companies[].epicor (upper and lower case count), or let the API key be used for {company}"
            )
            yield failed(name, "the key that opens the other companies does not open this one", remedy)
        elif company in keyless:
            yield skipped(name, "not asked without an API key; Epicor says the same of a company that does not exist")
        elif refusal is None or is_denial(refusal):
            yield passed(name)
        else:
            remedy = "correct epicor.base_url (https://host/instance) and companies[].epicor"
            yield failed(name, f"{refusal.status}: {refusal.message}", remedy)


def service(question: Question, company: str, reply: Reply) -> Check:
    """Whether one service lets us do what is needed."""
    name, refusal = f"epicor {question.path} {company}", reply.refusal
    why = f"for {question.why}"
    if refusal is None or (refusal.status == 404 and refusal.is_absence):
        return passed(name, why)
    if question.may_refuse and refusal.status == 400 and refusal.speaker == "epicor":
        return passed(name, f"{why}; it answers, with a no, as meant")
    said = f"{why}: {refusal.status} {refusal.message}"
    if is_denial(refusal) and closed_door(refusal) == "scope":
        remedy = f"allow {question.service} in the API key's access scope, and to the integration user by its security"
        return failed(name, said, remedy) if question.needed else unknown(name, said, f"if you need it: {remedy}")
    if is_denial(refusal):
        return failed(name, said, "see epicor sign-in, api key and licence above")
    if refusal.status == 404:
        remedy = f"see in Epicor's REST help that {question.path} exists in this version, and check epicor.base_url"
        return failed(name, said, remedy) if question.needed else unknown(name, said, remedy)
    return failed(name, said, "this Epicor does not take the question as this product asks it: tell the maintainers")
