"""A program: one of our services, wired as it is, with a clock that can be moved, or as a newer version would write.

Nothing of this is in the services: the bootstrap hands them the clock and the event log, and this program hands them
other ones.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path

from mlc_common.eventlog import EventLog
from mlc_common.events import Event
from mlc_common.service import Runtime, Wire, Wiring, run

ADDED = {"a_newer_version_says": {"more": ["than", "this", 1]}, "schema_version": 2}
"""What an event of a newer version holds beside the members of today: it may add, and it says so."""


class MovedClock:
    """The time of this machine and the seconds that a file holds; without the file the time itself."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def now(self) -> datetime:
        """An aware instant."""
        try:
            seconds = float(self._file.read_text())
        except (FileNotFoundError, ValueError):
            seconds = 0.0
        return datetime.now(UTC) + timedelta(seconds=seconds)


def moved(wire: Wire, clock: MovedClock) -> Wire:
    """The service with this clock."""

    async def wired(runtime: Runtime) -> Wiring:
        return await wire(replace(runtime, now=clock.now))

    return wired


def write_as_a_newer_version() -> None:
    """From now on every event of this process is stored with members that today's version does not know."""
    as_today = EventLog.stored_form

    async def as_newer(self: EventLog, event: Event) -> bytes:
        return json.dumps(json.loads(await as_today(self, event)) | ADDED).encode()

    EventLog.stored_form = as_newer  # type: ignore[method-assign]


def main() -> None:
    """Run the service until it is told to stop."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("service")
    parser.add_argument("--clock", type=Path, required=True, help="a file with seconds to add to the time")
    parser.add_argument("--newer", action="store_true", help="write events as a newer version would")
    arguments = parser.parse_args()
    if arguments.newer:
        write_as_a_newer_version()
    wire = import_module(f"{arguments.service.replace('-', '_')}.app").wire
    run(arguments.service, moved(wire, MovedClock(arguments.clock)))


if __name__ == "__main__":
    main()
