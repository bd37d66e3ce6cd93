"""The small decisions of the command line: exit codes, sentences, credentials from a file, master keys."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import nats.errors
import pytest
from pydantic import SecretStr, ValidationError

from mlc_common.connection import ConnectionDocument
from mlc_common.failures import PermanentError, TransientError
from mlc_common.settings import Settings
from mlc_common.vault import MasterKeys, VaultError
from operator_console import credential_commands, key_commands
from operator_console.data_folder import write_private
from operator_console.edge import explain
from operator_console.exits import EPILOG, MEANING, CommandError, Exit

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


def document(sign_in: str) -> ConnectionDocument:
    return ConnectionDocument.model_validate(
        {
            "name": "northwind",
            "epicor": {"base_url": "https://kinetic.example.com/live", "sign_in": sign_in},
            "companies": [
                {"basware": "US01", "epicor": "NWM", "currency": "USD", "segments": [{"field": "accountCode"}]}
            ],
        }
    )


def test_every_exit_code_is_explained_in_the_help() -> None:
    assert set(MEANING) == set(Exit)
    assert all(f"{code.value} {text}" in EPILOG for code, text in MEANING.items())


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (CommandError("There is none.", code=Exit.USAGE), Exit.USAGE),
        (VaultError("The key is another."), Exit.REFUSED),
        (TransientError("The broker is away."), Exit.UNREACHABLE),
        (PermanentError("It is too new."), Exit.PROBLEM),
        (nats.errors.NoServersError(), Exit.UNREACHABLE),
        (ConnectionRefusedError(), Exit.UNREACHABLE),
        (PermissionError(13, "Permission denied", "/srv/data"), Exit.PROBLEM),
    ],
)
def test_a_known_error_becomes_a_sentence_and_a_code(error: Exception, code: Exit) -> None:
    sentence, found = explain(error)

    assert found == code
    assert sentence.endswith((".", "?"))
    assert "\n" not in sentence


def test_wrong_settings_are_named_without_their_values() -> None:
    with pytest.raises(ValidationError) as caught:
        Settings(port=99_999)

    assert explain(caught.value) == ("The settings are wrong: look at port.", Exit.USAGE)


def test_the_credentials_a_connection_needs_follow_from_its_sign_in() -> None:
    assert "epicor.password" in credential_commands.needed(document("basic"))
    assert "epicor.client_secret" in credential_commands.needed(document("oauth2"))
    assert "epicor.password" not in credential_commands.needed(document("oauth2"))


def test_credentials_come_from_a_mapping_with_one_value_or_several() -> None:
    values = credential_commands.parse(
        "epicor.username: bwlink\nbasware.webhook_secret: [one-secret, other-secret]\n", name="credentials.yaml"
    )

    assert [value.get_secret_value() for value in values["basware.webhook_secret"]] == ["one-secret", "other-secret"]
    assert [value.get_secret_value() for value in values["epicor.username"]] == ["bwlink"]


@pytest.mark.parametrize(
    "text",
    [
        "epicor.pasword: sandbox-only-password",
        "epicor.password: 4711",
        "epicor.password: [",
        "sandbox-only-password",
        "epicor.password: {a: sandbox-only-password}",
        "epicor.password: []",
    ],
)
def test_a_wrong_credentials_file_is_refused_without_showing_a_value(text: str) -> None:
    with pytest.raises(CommandError) as caught:
        credential_commands.parse(text, name="credentials.yaml")

    assert caught.value.code == Exit.USAGE
    assert "sandbox-only-password" not in str(caught.value)
    assert "4711" not in str(caught.value)


def test_a_new_master_key_opens_first_and_seals_later(tmp_path: Path) -> None:
    file = tmp_path / "master-keys"
    write_private(file, MasterKeys.generate_line("k1") + "\n")

    key_id = key_commands.add_key(file, now=NOW)
    added = MasterKeys.parse(SecretStr(file.read_text()))
    key_commands.put_first(file, key_id)
    sealing = MasterKeys.parse(SecretStr(file.read_text()))

    assert (key_id, added.first, sealing.first) == ("k20261122", "k1", "k20261122")
    assert dict(added.by_id) == dict(sealing.by_id)
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_second_key_of_a_day_has_an_id_of_its_own(tmp_path: Path) -> None:
    file = tmp_path / "master-keys"
    write_private(file, MasterKeys.generate_line("k1") + "\n")

    ids = [key_commands.add_key(file, now=NOW) for _ in range(3)]

    assert ids == ["k20261122", "k20261122a", "k20261122b"]


def test_without_a_file_a_new_key_is_a_line_for_the_secret() -> None:
    prepared = key_commands.new(Settings(master_keys=SecretStr(MasterKeys.generate_line("k1"))))

    assert MasterKeys.parse(SecretStr(key_commands.told_new(prepared))).first == prepared.key_id
    assert prepared.key_id.startswith("k20")


def test_a_key_is_never_called_removable_that_could_not_be_spared() -> None:
    nothing = key_commands.Rotation(sealing="k2", moved=0, removable=())
    done = key_commands.Rotation(sealing="k2", moved=3, removable=("k1",))

    assert "may be removed" not in key_commands.told(nothing)
    assert key_commands.told(done).endswith("keep them with older backups of the database: k1.")


def test_the_shown_credential_rows_hold_no_value() -> None:
    fields = credential_commands.CredentialRow.__dataclass_fields__

    assert set(fields) == {"field", "meaning", "needed", "values", "set_at", "set_by"}
    assert fields["values"].type == "int"
    assert json.dumps(sorted(fields))
