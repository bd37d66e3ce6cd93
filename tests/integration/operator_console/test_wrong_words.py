"""Bad input on a running system: an unknown name, a wrong file, a huge number. One clear sentence, exit code 2."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import nats
import pytest
import pytest_asyncio
import structlog
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine
from typer.testing import CliRunner

from mlc_common.eventlog import EventLog
from mlc_common.events import DocumentApproved
from mlc_common.http import dump_json
from mlc_sandbox.samples import approved_invoices
from operator_console import edge
from operator_console.cli import app
from operator_console.exits import Exit
from operator_console.projector import catch_up
from operator_console.stream_reader import StreamReader

from .conftest import KEY, Site

HUGE = "9" * 20
Said = Callable[..., Awaitable[tuple[int, str]]]

WRONG = [
    ("documents list --connection nope", "There is no connection nope; see what there is"),
    ("documents list --reason NOPE", "There is no message NOPE; docs/messages.md has them all."),
    ("documents list --amount 1e999999999", "1e999999999 is no amount; write it as 1240.50."),
    ("documents list --since 0001-01-01T00:00:00", "0001-01-01T00:00:00 is no day or time"),
    ("plan --document nothing", "No accounting document is known as: nothing."),
    ("plan --document known --document nothing", "No accounting document is known as: nothing."),
    ("plan --last 3 --connection nope", "There is no connection nope"),
    (f"plan --last {HUGE}", "less than or equal to 10000000"),
    ("replay --all --connection nope", "There is no connection nope"),
    ("replay --code NOPE", "There is no message NOPE"),
    (f"replay --dead-letter {HUGE}", f"There is no dead letter {HUGE}."),
    (f"deadletters show {HUGE}", f"There is no dead letter {HUGE}."),
    ("deadletters list --connection nope", "There is no connection nope"),
    ("replay --all --commit --name x --reason ' '", "Give the replay a --name and a --reason"),
    ("hold known --reason ' '", "Give a reason: it is recorded with your name."),
    ("return known --reason ''", "Give a reason: it is recorded with your name."),
    ("pause demo --reason ''", "Give a reason: it is recorded with your name."),
    ("audit erase --document known --reason ''", "Give a reason: it is recorded with your name."),
    ("override known --set grossSum=abc --reason x", "grossSum"),
    ("override known --set codingRows[99999999999999999999].accountCode=1 --reason x", "codingRows"),
    ("override known --set nope=1 --reason x", "nope"),
    ("link known --company nope --reason x --yes", "The connection has no Epicor company nope; it has NWF, NWM."),
    ("reconcile --from 0001-01-01", "0001-01-01 is no day between 1900-01-01 and 2999-12-31."),
    ("reconcile --to 9999-12-31", "9999-12-31 is no day between"),
    (f"reconcile --quiet {HUGE}", "less than or equal to 525600"),
    (f"reconcile --deep {HUGE}", "less than or equal to 1000000"),
    ("reconcile --csv new --xlsx new", "Two of the files have the same name"),
    ("audit export -o new --from 9999-12-31", "--from 9999-12-31 is no time; write 2026-11-22"),
    ("audit export -o nowhere/new --stream DOCUMENTS", "nowhere/new cannot be written: No such file or directory."),
    ("audit archive --before 2020-01-01 -o file", "file: File exists."),
    ("audit keys export -o folder", "folder: Is a directory."),
    ("backup -o file/new", "file/new: Not a directory."),
    (f"connection show demo --version {HUGE}", "less than or equal to 2147483647"),
    ("sync demo --kind nope", "demo imports no kind nope."),
    ("sync demo --company nope", "demo has no company nope."),
    ("sync demo --patience inf", "less than or equal to 86400"),
    ("projections rebuild --patience inf", "less than or equal to 86400"),
    ("projections rebuild nope", "There is no projection nope"),
    ("masterdata list demo --kind nope", "demo imports no kind nope."),
    ("masterdata list demo --company nope", "demo has no company nope."),
    ("masterdata drift demo vendor nothing", "No vendor nothing was read from Epicor for demo."),
    ("deploy nats 'a b'", "a b is no name of a connection."),
    ("deploy keda ''", "is no name of a connection."),
    ("deploy roles 'x; y'", "x; y is no name of a database"),
]


@pytest_asyncio.fixture
async def said(site: Site, engine: AsyncEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Said]:
    """Say a command in this process, in a folder with a file and a folder; one document is known."""
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path)
    settings = site.settings
    assert isinstance(settings.database_url, SecretStr)
    environment = {
        "MLC_NATS_URL": settings.nats_url,
        "MLC_DATABASE_URL": settings.database_url.get_secret_value(),
        "MLC_MASTER_KEYS": KEY,
        "COLUMNS": "1000",
    }
    client = await nats.connect(settings.nats_url)
    log = EventLog(client, timeout=5)
    await log.append(
        DocumentApproved(
            connection="demo",
            at=datetime.now(UTC),
            invoice_id="known",
            attempt="a1",
            seen_by="push",
            status="WaitingForTransfer",
            company_code="US01",
            supplier_code="10432",
            invoice_number="INV-1",
            currency="USD",
            gross=Decimal(1),
            document=dump_json(approved_invoices()[0] | {"invoiceId": "known"}).decode(),
        )
    )
    while await catch_up(engine, StreamReader(client, log, timeout=5), now=lambda: datetime.now(UTC)):
        pass

    async def say(words: str) -> tuple[int, str]:
        result = await asyncio.to_thread(CliRunner(env=environment).invoke, app, words)
        if isinstance(result.exception, edge.KNOWN):
            sentence, code = edge.explain(result.exception)
            return code, sentence
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result.exit_code, result.output

    yield say
    await client.close()


async def test_bad_input_is_one_sentence_and_exit_code_two(said: Said) -> None:
    """All in one system, which takes longer to set up than any of them to say."""
    for words, sentence in WRONG:
        code, text = await said(words)
        assert (code, sentence in " ".join(text.split())) == (Exit.USAGE, True), f"{words}: {code} {text}"
    code, text = await said("documents show known --json")
    assert (code, '"phase": "approved"' in text) == (0, True), "nothing of it was done"


@pytest.fixture
def logged(capfd: pytest.CaptureFixture[str]) -> Iterator[pytest.CaptureFixture[str]]:
    """Warnings go where a command's go; afterwards where they went before, as that place is closed then."""
    edge.log_to_standard_error()
    yield capfd
    structlog.reset_defaults()


async def test_a_dead_letter_that_is_no_event_is_nothing_to_complain_about(
    said: Said, site: Site, logged: pytest.CaptureFixture[str]
) -> None:
    client = await nats.connect(site.settings.nats_url)
    await client.jetstream().publish("deadletters.epicor-writer_demo", b"{}", headers={"Durable": "epicor-writer_demo"})
    await client.close()

    code, _ = await said("documents show known --json")

    assert (code, logged.readouterr().err) == (0, "")
