"""Settings come from the environment, then from the files of a mounted secret."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from mlc_common.settings import Settings


def test_a_secret_is_read_from_its_file_and_shown_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "MLC_NATS_PASSWORD").write_text("sandbox-only\n")
    (tmp_path / "MLC_DATABASE_URL").write_text("postgresql://u:sandbox-only@db/x\n")
    monkeypatch.setenv("MLC_SECRETS_DIR", str(tmp_path))

    settings = Settings()

    assert settings.nats_password is not None
    assert settings.nats_password.get_secret_value() == "sandbox-only"
    assert settings.database_url.get_secret_value() == "postgresql://u:sandbox-only@db/x"
    assert "sandbox-only" not in repr(settings)
    assert settings.secrets_dir == tmp_path


def test_the_environment_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "MLC_LOG_LEVEL").write_text("debug")
    monkeypatch.setenv("MLC_SECRETS_DIR", str(tmp_path))
    assert Settings().log_level == "debug"

    monkeypatch.setenv("MLC_LOG_LEVEL", "error")

    assert Settings().log_level == "error"


def test_without_a_folder_there_are_no_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLC_SECRETS_DIR", raising=False)

    assert Settings().nats_password is None


@pytest.mark.parametrize("prefix", ["_INBOX.x", "", "a>", "*"])
def test_an_inbox_prefix_is_one_token(prefix: str) -> None:
    with pytest.raises(ValueError, match="nats_inbox_prefix"):
        Settings(nats_inbox_prefix=prefix)


def test_a_credentials_file_that_nothing_here_can_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match=r"needs the package `nkeys`.*give MLC_NATS_USER"):
        Settings(nats_credentials_file=tmp_path / "acme.creds")
