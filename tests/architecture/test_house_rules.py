"""The rules of the house that a machine can keep."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted(path for folder in ("services", "libs") for path in (ROOT / folder).glob("*/src/**/*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
PURE = (
    "mapping.py",
    "decision.py",
    "readback.py",
    "checks.py",
    "approvals.py",
    "signature.py",
    "push_budget.py",
    "events.py",
    "streams.py",
    "permissions.py",
    "database_roles.py",
    "keda.py",
    "nats_accounts.py",
    "catalogue.py",
    "section.py",
    "far_side_names.py",
    "company_rules.py",
    "posting_rules.py",
    "order_rules.py",
    "rule_values.py",
    "order_lines.py",
    "codes.py",
    "matching.py",
    "order_rows.py",
    "order_accounts.py",
    "order_differences.py",
    "draft_lines.py",
    "readback_orders.py",
    "attachment_rules.py",
    "attachment_rows.py",
    "attachment_events.py",
    "addresses.py",
    "coding.py",
    "lookups.py",
    "templates.py",
    "apply_dates.py",
    "due_dates.py",
    "payment_rules.py",
    "payment_events.py",
    "payment_text.py",
    "payment_answers.py",
    "picture.py",
    "payables.py",
    "questions_about_payments.py",
    "connection.py",
    "masterdata_rules.py",
    "masterdata_events.py",
    "changes.py",
    "due.py",
    "watermarks.py",
    "questions.py",
    "tablesets.py",
    "view.py",
    "breaks.py",
    "breaks_after.py",
    "breaks_before.py",
    "breaks_in_epicor.py",
    "kind.py",
    "invoice_sides.py",
    "recorded.py",
    "recorded_payments.py",
    "judging_lines.py",
    "books.py",
    "sums.py",
    "reconciling.py",
    "judging_basware.py",
    "judging_epicor.py",
    "judging_payments.py",
    "sights.py",
    "reconciliation_events.py",
    "masterdata_kinds.py",
    "members.py",
    "outcomes.py",
    "record_events.py",
    "record_states.py",
    "targets.py",
    "subscription_plans.py",
    "service_metadata.py",
    "probe_replies.py",
    "doctor_checks.py",
    "doctor_needs.py",
    "doctor_verdicts_basware.py",
    "doctor_verdicts_epicor.py",
    "doctor_verdicts_model.py",
    "doctor_verdicts_network.py",
    "doctor_verdicts_platform.py",
    "verdicts.py",
    "personal.py",
    "erasure_events.py",
    "chain.py",
    "bundle.py",
    "verification.py",
    "manifest.py",
)
NOT_IN_PURE = {"httpx", "faststream", "nats", "sqlalchemy", "asyncio", "logging", "structlog", "random", "time", "os"}


def imports(tree: ast.AST) -> set[str]:
    names = {
        alias.name.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
    }
    return names | {
        (node.module or "").split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and not node.level
    }


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_a_module_is_small_documented_and_well_named(path: Path) -> None:
    text = path.read_text()
    tree = ast.parse(text)

    assert ast.get_docstring(tree), "say in one line what the module is"
    assert len(text.splitlines()) <= 350, "split it"
    assert not re.search(r"util|helper|manager|^base", path.stem), "name what it holds"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno < 60, f"{node.name} is too long"


@pytest.mark.parametrize(
    "path", [path for path in SOURCES if path.name in PURE or path.parent.name == "kinds"], ids=name
)
def test_a_pure_module_does_no_io_and_reads_no_clock(path: Path) -> None:
    text = path.read_text()

    assert not imports(ast.parse(text)) & NOT_IN_PURE
    assert ".now(" not in text
    assert "date.today" not in text


@pytest.mark.parametrize("path", [path for path in SOURCES if path.name == "handlers.py"], ids=name)
def test_a_use_case_knows_no_framework(path: Path) -> None:
    assert not imports(ast.parse(path.read_text())) & {"faststream", "httpx", "sqlalchemy", "nats", "starlette"}


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_exceptions_are_caught_broadly_in_one_place_only(path: Path) -> None:
    caught = [
        handler
        for handler in ast.walk(ast.parse(path.read_text()))
        if isinstance(handler, ast.ExceptHandler)
        and (
            handler.type is None
            or (isinstance(handler.type, ast.Name) and handler.type.id in ("Exception", "BaseException"))
        )
    ]

    assert not caught or path.name == "retries.py"


@pytest.mark.parametrize("path", [path for path in TESTS if path != Path(__file__)], ids=name)
def test_no_test_uses_a_mock(path: Path) -> None:
    text = path.read_text()

    assert not re.search(r"unittest\.mock|MagicMock|mocker\b|monkeypatch\.setattr", text)


def test_a_service_reads_as_a_page() -> None:
    for path in (ROOT / "services").glob("*/src/*/app.py"):
        assert len(path.read_text().splitlines()) <= 120, name(path)
