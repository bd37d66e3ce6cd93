"""Asks the writer's own planning program, in a process of its own: a service never imports a service."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from mlc_common.connection import ConnectionDocument
from mlc_common.http import dump_json, load_json
from mlc_common.settings import Settings
from operator_console.exits import CommandError, Exit

PROGRAM = Path(sys.executable).parent / "epicor-writer-plan"
LONGEST_LINE = 64 * 1024 * 1024
"""Bytes of an answer: a document of thousands of rows, planned twice."""


class Planner:
    """One planning process; questions are answered in their order."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None  # noqa: S101 - both are pipes, for the type checker
        assert process.stdout is not None  # noqa: S101
        self._process = process
        self._questions, self._answers = process.stdin, process.stdout
        self._known: set[str] = set()

    def knows(self, name: str) -> bool:
        """Whether a connection document of this name was given."""
        return name in self._known

    def learn(self, name: str, connection: ConnectionDocument) -> None:
        """Give a connection document to plan by."""
        document = connection.model_dump(mode="json", by_alias=True)
        self._questions.write(dump_json({"name": name, "connection": document}) + b"\n")
        self._known.add(name)

    async def plans(self, questions: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        """The answer to each question, in their order.

        Raises:
            CommandError: the program ended.
        """
        asked = list(questions)
        asking = asyncio.create_task(self._ask(asked))
        answers = [await self._answer() for _ in asked]
        await asking
        return answers

    async def _ask(self, asked: Iterable[dict[str, Any]]) -> None:
        for question in asked:
            self._questions.write(dump_json(question) + b"\n")
            await self._questions.drain()

    async def _answer(self) -> dict[str, Any]:
        line = await self._answers.readline()
        if not line:
            raise CommandError(f"The planning program {PROGRAM.name} ended unexpectedly.", code=Exit.PROBLEM)
        answered: dict[str, Any] = load_json(line)
        return answered


def _reaching(settings: Settings) -> dict[str, str]:
    """What a process needs to reach the database and to open credentials."""
    reaching = {"MLC_DATABASE_URL": settings.database_url.get_secret_value()}
    if settings.master_keys is not None:
        reaching["MLC_MASTER_KEYS"] = settings.master_keys.get_secret_value()
    if settings.master_keys_file is not None:
        reaching["MLC_MASTER_KEYS_FILE"] = str(settings.master_keys_file)
    return reaching


@asynccontextmanager
async def planner(settings: Settings) -> AsyncIterator[Planner]:
    """A planning process while inside, which reaches database and credentials as this one does.

    Raises:
        CommandError: the program is not installed.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            str(PROGRAM),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=LONGEST_LINE,
            env={**os.environ, **_reaching(settings)},
        )
    except FileNotFoundError:
        raise CommandError(
            f"The program {PROGRAM.name} is missing beside this one; install ml-connector with its writer.",
            code=Exit.PROBLEM,
        ) from None
    try:
        yield Planner(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
