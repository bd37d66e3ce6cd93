"""Projects become projects (Epicor reference, §8.5; Basware API reference, §8.5, version 2). Pure."""

from __future__ import annotations

from masterdata_sync.kind import Entity, Kind, Owner, Row, Source, Untranslatable
from masterdata_sync.members import FIRST_DAY, LAST_DAY, checked, day, external_code, flagged, inactive, text
from mlc_basware.targets import PROJECTS

LONGEST_NAME = 100


def code(row: Row) -> str:
    """Epicor's ProjectID."""
    return text(row, "ProjectID")


def translate(row: Row, owner: Owner) -> Entity | Untranslatable:
    """The project. Its planned end does not end it in Basware, since invoices come later; its active flag does."""
    entity = {
        "externalCode": external_code(owner.company, code(row)),
        "projectCode": code(row),
        "projectName": text(row, "Description", LONGEST_NAME) or code(row),
        "validFrom": day(row, "StartDate") or FIRST_DAY,
        "validUntil": LAST_DAY,
        "companies": flagged(owner, active=bool(row.get("ActiveProject", True))),
    }
    return checked(PROJECTS, code(row), entity)


KIND = Kind(
    name="project",
    source=Source(
        service="Erp.BO.ProjectSvc",
        entity_set="Projects",
        table="Project",
        key=("ProjectID",),
        columns=("ProjectID", "Description", "ActiveProject", "StartDate"),
    ),
    details=(),
    target=PROJECTS,
    needs=(),
    code=code,
    translate=translate,
    retire=inactive,
)
