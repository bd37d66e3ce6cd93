"""One check's time: what hangs is cut off, and what fails becomes a line of the table like everything else."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import nats.errors

from mlc_common.database import DATABASE_ERRORS
from mlc_common.eventlog import BROKER_AWAY
from mlc_common.failures import FailureError
from operator_console.doctor_checks import Check, failed

Work = Callable[[], Awaitable[Sequence[Check]]]


@dataclass(frozen=True)
class Limit:
    """Seconds that one check may take."""

    seconds: float

    async def within(self, name: str, work: Work, *, remedy: str) -> list[Check]:
        """What the work finds; a failed check with this remedy when it takes too long or cannot be done."""
        try:
            async with asyncio.timeout(self.seconds):
                return list(await work())
        except TimeoutError:
            return [failed(name, f"no answer within {self.seconds:g} s", remedy)]
        except FailureError as error:
            return [failed(name, str(error), remedy)]
        except (nats.errors.Error, *BROKER_AWAY, *DATABASE_ERRORS) as error:
            # Their texts may carry an address, and with it a password.
            return [failed(name, type(error).__name__, remedy)]
