"""`ml-connector up`: a whole site in the foreground, until Ctrl-C."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from operator_console import output, site, status
from operator_console.data_folder import DataFolder
from operator_console.foreground import announcer, stoppable


async def up(folder: DataFolder, *, port: int) -> None:
    """Run the site until a signal asks it to stop.

    Raises:
        CommandError: it cannot run here.
    """
    say = announcer(folder.log("ml-connector"), output.console())
    async with stoppable() as asked:
        say(f"Starting in {folder.root} ...")
        async with site.running(folder, site.Options(port=port), say=say, hurry=asked.hurry) as here:
            try:
                await _introduce(here, say)
                await asyncio.Event().wait()
            finally:
                say("Stopping: the services finish what they have in hand ...")
    if asked.by is not None:
        say("Stopped. Everything is in the data directory; the same command starts it again.")


async def _introduce(here: site.Site, say: Callable[[str], None]) -> None:
    if here.fresh_key:
        say(
            f"A master key was generated in {here.folder.master_keys}. BACK IT UP, apart from the data: without it the "
            f"stored credentials cannot be opened."
        )
    rows = await status.rows(here.folder)
    columns = ("process", "pid", "address", "public", "health", "version")
    cells = [(row.name, row.pid, row.address, row.public, row.health, row.version) for row in rows]
    output.console().print(output.table("", columns, cells))
    say(f"Basware's pushes go to {here.gateway}/hooks/basware/CONNECTION. Ctrl-C stops.")
