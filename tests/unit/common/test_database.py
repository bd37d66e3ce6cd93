"""The engine: which addresses it takes, and that none of them is shown."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from mlc_common.database import make_engine
from mlc_common.failures import PermanentError

TCP = "sandbox:sandbox-only-password@127.0.0.1:5432/ledger"


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+asyncpg"])
def test_every_way_to_write_postgresql_is_the_one_driver(scheme: str) -> None:
    url = make_engine(SecretStr(f"{scheme}://{TCP}")).url
    assert (url.drivername, url.host, url.port, url.database) == ("postgresql+asyncpg", "127.0.0.1", 5432, "ledger")
    assert url.password == "sandbox-only-password"


def test_a_socket_folder_is_kept() -> None:
    assert make_engine("postgresql+asyncpg://postgres:@/ledger?host=/run/pg").url.query["host"] == "/run/pg"


def test_the_sslmode_of_libpq_is_understood() -> None:
    assert dict(make_engine(f"postgresql://{TCP}?sslmode=verify-full").url.query) == {"ssl": "verify-full"}


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("sandbox-only-password", "not of the form postgresql://"),
        ("postgresql://sandbox:sandbox-only-password@127.0.0.1:port/ledger", "not of the form postgresql://"),
        ("mysql://sandbox:sandbox-only-password@127.0.0.1/ledger", "only PostgreSQL is supported"),
    ],
)
def test_an_address_that_is_none_is_refused_without_showing_it(url: str, sentence: str) -> None:
    with pytest.raises(PermanentError, match=sentence) as caught:
        make_engine(url)
    assert "sandbox-only-password" not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_the_engine_shows_no_password() -> None:
    engine = make_engine(f"postgresql://{TCP}")
    assert "sandbox-only-password" not in f"{engine!r} {engine.url!r} {engine.url!s}"
