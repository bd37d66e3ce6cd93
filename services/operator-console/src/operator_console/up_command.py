"""`ml-connector up`: a whole site in the foreground, until Ctrl-C."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from datetime import datetime

from operator_console import output, site, status
from operator_console.data_folder import DataFolder


async def up(folder: DataFolder, *, port: int) -> None:
    """Run the site until a signal asks it to stop."""
    say = announcer(folder)
    async with stoppable() as stop:
        say(f"Starting in {folder.root} ...")
        async with site.running(folder, site.Options(port=port), say=say) as here:
            await _introduce(here, say)
            await stop.wait()
            say("Stopping: services finish what they have in hand ...")
        say("Stopped. Everything is in the data directory; start again with the same command.")


async def _introduce(here: site.Site, say: Callable[[str], None]) -> None:
    if here.fresh_key:
        say(
            f"A master key was generated in {here.folder.master_keys}. BACK IT UP, apart from the data: without it the "
            f"stored credentials cannot be opened."
        )
    rows = await status.rows(here.folder)
    columns = ("process", "pid", "address", "health", "version")
    cells = [(row.name, row.pid, row.address, row.health, row.version) for row in rows]
    output.console().print(output.table("", columns, cells))
    say(f"Basware's pushes go to {here.gateway}/hooks/basware/CONNECTION. Ctrl-C stops.")
