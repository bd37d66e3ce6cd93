"""The edge of every command: what went wrong becomes one sentence and an exit code, never a traceback."""

from __future__ import annotations

import asyncio
import logging
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

import nats.errors
import structlog
import typer
from pydantic import ValidationError

from mlc_common.connections import CredentialRefusedError, MissingCredentialError
from mlc_common.database import DATABASE_ERRORS
from mlc_common.eventlog import BROKER_AWAY
from mlc_common.failures import FailureError, TransientError
from mlc_common.vault import VaultError
from operator_console import output
from operator_console.exits import CommandError, Exit

KNOWN = (FailureError, ValidationError, nats.errors.Error, *BROKER_AWAY, *DATABASE_ERRORS)


def run(app: typer.Typer) -> None:
    """Run a command line; ends the process with an exit code."""
    speak_plainly(debug="--debug" in sys.argv)
    log_to_standard_error()
    # Not app(): that would put typer's own traceback printer into sys.excepthook.
    command = typer.main.get_command(app)
    try:
        command(prog_name="ml-connector")
    except KNOWN as error:
        sentence, code = explain(error)
        output.complain(sentence)
        sys.exit(code)
    except (KeyboardInterrupt, asyncio.CancelledError):
        output.complain("Stopped.")
        sys.exit(Exit.INTERRUPTED)


def explain(error: Exception) -> tuple[str, Exit]:
    """The sentence and the exit code of an error that is known to happen."""
    match error:
        case CommandError():
            return str(error), error.code
        case CredentialRefusedError() | MissingCredentialError() | VaultError():
            return str(error), Exit.REFUSED
        case TransientError():
            return str(error), Exit.UNREACHABLE
        case FailureError():
            return str(error), Exit.PROBLEM
        case ValidationError():
            wrong = ", ".join(".".join(map(str, each["loc"])) for each in error.errors(include_input=False))
            return f"The settings are wrong: look at {wrong or 'the environment variables MLC_…'}.", Exit.USAGE
        case nats.errors.Error():
            return f"The broker does not answer ({type(error).__name__}).", Exit.UNREACHABLE
        case FileNotFoundError() | FileExistsError() | IsADirectoryError() | NotADirectoryError() if error.filename:
            return f"{error.filename}: {error.strerror}.", Exit.USAGE
        case OSError() if error.filename:
            return f"{error.filename}: {error.strerror}.", Exit.PROBLEM
        case _:
            return f"The database does not answer ({type(error).__name__}); is it running?", Exit.UNREACHABLE


def speak_plainly(*, debug: bool) -> None:
    """Make an error nobody thought of one sentence too; its traceback goes to a file, with `debug` to the screen."""
    if debug:
        sys.excepthook = sys.__excepthook__
    else:
        sys.excepthook = _hook(_write_down)


def log_to_standard_error() -> None:
    """Standard output is for what was asked for; of the rest only warnings are worth a line."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def _hook(
    write_down: Callable[[str], Path],
) -> Callable[[type[BaseException], BaseException, TracebackType | None], None]:
    def told(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        file = write_down("".join(traceback.format_exception(kind, error, trace)))
        output.complain(
            f"This is an error of ml-connector itself ({kind.__name__}); what happened is written in {file}."
        )
        sys.exit(Exit.BUG)

    return told


def _write_down(text: str) -> Path:
    with tempfile.NamedTemporaryFile("w", prefix="ml-connector-", suffix=".log", delete=False) as file:
        file.write(text)
    return Path(file.name)
