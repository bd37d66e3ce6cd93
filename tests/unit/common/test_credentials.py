"""What a credential must look like, judged before the database is asked."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from pydantic import SecretStr

from mlc_common.credentials import CredentialRefusedError, set_credential
from mlc_common.database import make_engine
from mlc_common.vault import MasterKeys

KEYS = MasterKeys.parse(SecretStr(MasterKeys.generate_line("k1")))
NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("field", "values", "sentence"),
    [
        ("epicor.token", ["x"], r"no credential epicor\.token; there are: basware\.client_id, "),
        ("epicor.password", [], r"No value was given for epicor\.password"),
        ("epicor.password", ["a", "b"], "holds one value, and 2 were given"),
        ("basware.webhook_secret", ["sandbox-only-x", ""], "is empty"),
        ("basware.webhook_secret", [" \t"], "is empty"),
        ("epicor.api_key", ["sandbox-only-x\n"], "holds a line break or another control character"),
    ],
)
async def test_a_credential_that_cannot_be_right_is_refused(field: str, values: list[str], sentence: str) -> None:
    nowhere = make_engine("postgresql://127.0.0.1:1/none")
    secrets = [SecretStr(value) for value in values]
    with pytest.raises(CredentialRefusedError, match=sentence) as caught:
        await set_credential(nowhere, KEYS, connection="north", field=field, values=secrets, by="ada", now=NOW)
    assert "sandbox-only-x" not in str(caught.value)
