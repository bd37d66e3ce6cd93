"""Facts about answering Basware: what it was told, when it had to be, and whether that arrived. Pure."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import AwareDatetime, Field

from mlc_common.stored_event import FactOfDocument


class OutcomeAnswered(FactOfDocument):
    """Basware's API layer took our transfer response."""

    fact: ClassVar[str] = "answered"
    once: ClassVar[bool] = True

    type: Literal["outcome_answered"] = "outcome_answered"
    external_code: str
    success: bool
    message: str
    request_id: str | None = None
    found: bool = Field(default=False, description="our response was there already: an earlier try had arrived")


class AnswerRejected(FactOfDocument):
    """Basware will not take our transfer response, for example because somebody else answered first."""

    fact: ClassVar[str] = "answer_rejected"
    once: ClassVar[bool] = True

    type: Literal["answer_rejected"] = "answer_rejected"
    external_code: str
    success: bool
    status: str
    sentence: str


class DocumentWithdrawn(FactOfDocument):
    """Basware took the document out of its transfer before we had answered; nothing more is to be entered."""

    fact: ClassVar[str] = "withdrawn"
    once: ClassVar[bool] = True

    type: Literal["document_withdrawn"] = "document_withdrawn"
    status: str


class DeadlineNear(FactOfDocument):
    """The transfer has waited for its answer for a good part of the time that Basware gives it."""

    fact: ClassVar[str] = "deadline_near"
    once: ClassVar[bool] = True

    type: Literal["deadline_near"] = "deadline_near"
    due: AwareDatetime


class InterimAnswered(FactOfDocument):
    """Basware was told in time that the invoice is still being worked on; its outcome follows."""

    fact: ClassVar[str] = "interim"
    once: ClassVar[bool] = True

    type: Literal["interim_answered"] = "interim_answered"
    external_code: str
    message: str
    request_id: str | None = None


class AnswerRepeated(FactOfDocument):
    """Basware lost our answer on its way into P2P for a technical reason; it was given again under a new code."""

    fact: ClassVar[str] = "answered_again"

    type: Literal["answer_repeated"] = "answer_repeated"
    number: int = Field(description="1 for the first time it was given again, 2 for the next, …")
    external_code: str
    request_id: str | None = Field(default=None)
    why: str

    @property
    def id(self) -> str:
        return f"{super().id}/{self.number}"


class AnswerDelivered(FactOfDocument):
    """Our answer has arrived in Basware P2P itself; `warnings` say what was dropped of it."""

    fact: ClassVar[str] = "delivered"
    once: ClassVar[bool] = True

    type: Literal["answer_delivered"] = "answer_delivered"
    external_code: str
    request_id: str
    warnings: tuple[str, ...] = ()


class AnswerUndelivered(FactOfDocument):
    """Basware took our answer and could not bring it into P2P; somebody has to look."""

    fact: ClassVar[str] = "undelivered"
    once: ClassVar[bool] = True

    type: Literal["answer_undelivered"] = "answer_undelivered"
    external_code: str
    request_id: str
    sentence: str


class AnswerUnconfirmed(FactOfDocument):
    """Basware did not say within our patience what became of our answer; `request_id` is what its support asks for."""

    fact: ClassVar[str] = "unconfirmed"
    once: ClassVar[bool] = True

    type: Literal["answer_unconfirmed"] = "answer_unconfirmed"
    external_code: str
    request_id: str | None = Field(default=None)
    sentence: str
