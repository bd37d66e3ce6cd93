"""How a command ends: the exit codes, and the one error that carries a sentence and a code."""

from __future__ import annotations

from enum import IntEnum

from mlc_common.failures import FailureError


class Exit(IntEnum):
    """Exit codes of `ml-connector`; they are part of its interface."""

    OK = 0
    PROBLEM = 1
    USAGE = 2
    UNREACHABLE = 3
    REFUSED = 4
    BUG = 70
    INTERRUPTED = 130


MEANING: dict[Exit, str] = {
    Exit.OK: "done, nothing to complain about",
    Exit.PROBLEM: "it ran and found a problem, which it printed",
    Exit.USAGE: "the command line or a file given to it is wrong, or there is nothing of that name",
    Exit.UNREACHABLE: "the broker, the database or a service cannot be reached",
    Exit.REFUSED: "refused to act, for example because another one runs on the same data",
    Exit.BUG: "an error of the program itself; --debug shows where",
    Exit.INTERRUPTED: "stopped by Ctrl-C",
}

EPILOG = "Exit codes: " + "; ".join(f"{code.value} {text}" for code, text in MEANING.items()) + "."


class CommandError(FailureError):
    """A command cannot go on; `str()` is the sentence for the person, `code` the exit code."""

    def __init__(self, sentence: str, *, code: Exit = Exit.PROBLEM) -> None:
        super().__init__(sentence)
        self.code = code
