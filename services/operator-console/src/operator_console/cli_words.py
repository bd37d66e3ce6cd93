"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

DataDir = Annotated[
    Path | None,
    typer.Option(help="Directory of an embedded site; without it ./data when it exists, else the MLC_ environment."),
]
SiteDir = Annotated[Path, typer.Option(help="Directory that holds everything of this site.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
ConnectionName = Annotated[str, typer.Argument(help="Name of the connection.")]
