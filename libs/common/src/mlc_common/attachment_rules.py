"""Which attachments of a transferred accounting document are fetched, and where they may go. Pure."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from mlc_common.addresses import Url
from mlc_common.section import Section

Category = Literal["ORIGINALIMAGE", "ATTACHMENT", "EXPORTEDEMAIL"]
"""Basware's categories of attachments (Basware API reference, attachments)."""

MEGABYTE = 1024 * 1024


class Attachments(Section):
    """Attachments, fetched from Basware after the transfer and kept in the object store, by content hash.

    Nothing that happens to an attachment touches its invoice.
    """

    fetch: bool = Field(default=False, description="whether attachments are fetched at all")
    categories: tuple[Category, ...] = Field(
        default=("ORIGINALIMAGE", "ATTACHMENT", "EXPORTEDEMAIL"), min_length=1, description="which of them"
    )
    confidential: Literal["skip", "store only", "as others"] = Field(
        default="skip",
        description="those that Basware marks as confidential, or does not say of that they are not: left in Basware; "
        "kept in the object store and given to nobody; or treated as the others",
    )
    largest_bytes: int = Field(
        default=25 * MEGABYTE, ge=1, le=500 * MEGABYTE, description="a larger one is left in Basware"
    )
    to_epicor: Literal["nothing", "link", "upload"] = Field(
        default="nothing",
        description="what the AP invoice gets: nothing; an attachment row with an address under `link_base`; or the "
        "file itself",
    )
    link_base: Url | None = Field(
        default=None, description="where you serve stored files; /<connection>/<invoice id>/<code> is added"
    )
    document_type: str = Field(default="", max_length=50, description="Epicor's DocTypeID; empty leaves its default")
    patience_hours: float = Field(
        default=24,
        gt=0,
        le=24 * 90,
        description="how long attachments are waited for after the answer, and Epicor after they are stored",
    )

    @model_validator(mode="after")
    def _links_lead_somewhere(self) -> Self:
        if self.to_epicor == "link" and self.link_base is None:
            raise ValueError("name link_base: the AP invoice is to link to the stored file")
        return self

    def stores(self, *, confidential: bool) -> bool:
        """Whether such an attachment may be fetched and kept."""
        return self.fetch and (not confidential or self.confidential != "skip")

    def gives_away(self, *, confidential: bool) -> bool:
        """Whether a stored one may leave the object store: for Epicor, or for a file of the console."""
        return not confidential or self.confidential == "as others"
