"""The vault: what is sealed opens in its own place and nowhere else, and no text shows a key."""

from __future__ import annotations

import base64
import os
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from mlc_common.vault import DataKey, MasterKeys, Sealed, VaultError, WrappedKey

VALUE = SecretStr("sandbox-only-secret")
FIELD = "epicor.password"


def master_keys(*ids: str) -> MasterKeys:
    return MasterKeys.parse(SecretStr(",".join(MasterKeys.generate_line(each) for each in ids)))


def line_of(key_id: str, key: bytes) -> str:
    return f"{key_id}:{base64.b64encode(key).decode()}"


def test_a_sealed_value_opens_in_its_place() -> None:
    key = DataKey.fresh("north")
    assert key.open(key.seal(VALUE, field=FIELD, position=0), field=FIELD, position=0) == VALUE


@given(st.text(min_size=1))
@settings(max_examples=50, deadline=None)
def test_any_text_survives_sealing(text: str) -> None:
    key = DataKey.fresh("north")
    sealed = key.seal(SecretStr(text), field=FIELD, position=3)
    assert key.open(sealed, field=FIELD, position=3).get_secret_value() == text


def test_the_same_value_sealed_twice_looks_different() -> None:
    key = DataKey.fresh("north")
    first, second = (key.seal(VALUE, field=FIELD, position=0) for _ in range(2))
    assert first.nonce != second.nonce
    assert first.text != second.text


@pytest.mark.parametrize(
    ("field", "position"), [("epicor.api_key", 0), (FIELD, 1), ("epicor.password ", 0)], ids=["field", "row", "near"]
)
def test_a_value_moved_to_another_field_or_row_does_not_open(field: str, position: int) -> None:
    key = DataKey.fresh("north")
    sealed = key.seal(VALUE, field=FIELD, position=0)
    with pytest.raises(VaultError, match=f"Connection north: the stored {field} does not open"):
        key.open(sealed, field=field, position=position)


def test_a_value_moved_to_another_connection_does_not_open_even_under_the_same_key() -> None:
    key = DataKey.fresh("north")
    sealed = key.seal(VALUE, field=FIELD, position=0)
    with pytest.raises(VaultError, match=r"Connection south: the stored epicor\.password does not open"):
        replace(key, connection="south").open(sealed, field=FIELD, position=0)


@pytest.mark.parametrize("part", ["nonce", "text"])
def test_a_value_changed_by_one_bit_or_cut_short_does_not_open(part: str) -> None:
    key = DataKey.fresh("north")
    sealed = key.seal(VALUE, field=FIELD, position=0)
    whole: bytes = getattr(sealed, part)
    for broken in (bytes([whole[0] ^ 1]) + whole[1:], whole[:-1], b""):
        damaged = Sealed(**{"nonce": sealed.nonce, "text": sealed.text, part: broken})
        with pytest.raises(VaultError):
            key.open(damaged, field=FIELD, position=0)


def test_a_wrapped_key_opens_under_its_master_key() -> None:
    keys, key = master_keys("k1"), DataKey.fresh("north")
    opened = keys.unwrap(keys.wrap(key))
    assert (opened.connection, opened.id, opened.secret) == ("north", key.id, key.secret)


def test_a_master_key_alone_opens_no_sealed_value() -> None:
    keys, key = master_keys("k1"), DataKey.fresh("north")
    sealed = key.seal(VALUE, field=FIELD, position=0)

    with pytest.raises(VaultError):
        replace(key, secret=keys.by_id["k1"]).open(sealed, field=FIELD, position=0)


@pytest.mark.parametrize("member", ["connection", "id", "master_key_id"])
def test_a_wrapped_key_moved_to_another_owner_does_not_open(member: str) -> None:
    key_bytes = os.urandom(32)
    keys = MasterKeys(by_id={"k1": key_bytes, "k2": key_bytes})  # as `parse` refuses it: only the binding is left
    wrapped = keys.wrap(DataKey.fresh("north"))
    facts = {"connection": wrapped.connection, "id": wrapped.id, "master_key_id": wrapped.master_key_id}
    moved = WrappedKey(**{**facts, member: "k2"}, wrapped=wrapped.wrapped)
    with pytest.raises(VaultError, match="does not open its data key"):
        keys.unwrap(moved)


def test_the_first_key_seals_and_all_of_them_open() -> None:
    both = master_keys("new", "old")
    old = MasterKeys(by_id={"old": both.by_id["old"]})
    key = DataKey.fresh("north")
    assert both.wrap(key).master_key_id == "new"
    assert both.unwrap(old.wrap(key)).secret == key.secret


def test_a_wrong_key_under_the_right_id_is_named_without_showing_it() -> None:
    ours, theirs = master_keys("k1"), master_keys("k1")
    with pytest.raises(VaultError, match="Connection north: master key 'k1' does not open its data key; it is another"):
        theirs.unwrap(ours.wrap(DataKey.fresh("north")))


def test_a_key_that_is_not_configured_is_asked_for_by_its_id() -> None:
    wrapped = master_keys("old").wrap(DataKey.fresh("north"))
    with pytest.raises(VaultError, match=r"sealed under master key 'old', and only new is configured\. Add 'old'"):
        master_keys("new").unwrap(wrapped)
    with pytest.raises(VaultError, match="wrapped with master key 'next' since the last rotation"):
        master_keys("new").wrap(DataKey.fresh("north"), under="next")


@pytest.mark.parametrize("separator", [",", "\n", " ", ", ", "\r\n", " ,\n\n"])
def test_several_keys_may_stand_apart_by_comma_blank_or_line_break(separator: str) -> None:
    lines = [MasterKeys.generate_line(each) for each in ("2026-11", "2025_04.a")]
    keys = MasterKeys.parse(SecretStr(separator + separator.join(lines) + separator))
    assert list(keys.by_id) == ["2026-11", "2025_04.a"]
    assert keys.first == "2026-11"


TWICE = os.urandom(32)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "No master key is configured"),
        (" ,\n", "No master key is configured"),
        (base64.b64encode(TWICE).decode(), "Master key 1 has no usable id"),
        (":" + base64.b64encode(TWICE).decode(), "Master key 1 has no usable id"),
        ("k1:" + TWICE.hex() + "!", "Master key 1 is not base64"),
        ("k1:", "Master key 1 is 0 bytes long and not 32"),
        (line_of("k1", TWICE[:31]), "Master key 1 is 31 bytes long and not 32"),
        (line_of("k1", bytes(32)), "Master key 1 is not random"),
        (line_of("k1", TWICE) + "," + line_of("k1", os.urandom(32)), "Master key 2 has the id of an earlier one"),
        (line_of("k1", TWICE) + "," + line_of("k2", TWICE), "Master key 2 is an earlier one under another id"),
    ],
    ids=["nothing", "separators", "no id", "blank id", "not base64", "no key", "short", "zeros", "one id", "one key"],
)
def test_a_badly_written_key_is_named_by_its_position_and_never_shown(text: str, sentence: str) -> None:
    with pytest.raises(VaultError, match=sentence) as caught:
        MasterKeys.parse(SecretStr(text))
    shown = str(caught.value) + repr(caught.value.__cause__)
    assert base64.b64encode(TWICE).decode()[:8] not in shown
    assert TWICE.hex()[:8] not in shown


def test_an_id_that_would_not_be_read_back_is_not_generated() -> None:
    with pytest.raises(VaultError, match="1 to 40 letters"):
        MasterKeys.generate_line("k:1")


def test_no_repr_shows_a_key_or_a_value() -> None:
    keys, key = master_keys("k1"), DataKey.fresh("north")
    wrapped, sealed = keys.wrap(key), key.seal(VALUE, field=FIELD, position=0)
    shown = f"{keys!r} {keys!s} {key!r} {key!s} {wrapped!r} {sealed!r}"
    assert shown.startswith("MasterKeys(k1) MasterKeys(k1) DataKey(connection='north'")
    for secret in (keys.by_id["k1"], key.secret, wrapped.wrapped, sealed.text):
        assert repr(secret) not in shown
        assert secret.hex() not in shown
    assert "sandbox-only-secret" not in shown


def test_ids_that_run_into_each_other_are_different_places() -> None:
    keys = master_keys("k1")
    moved = replace(keys.wrap(DataKey(connection="ab", id="c", secret=os.urandom(32))), connection="a", id="bc")
    with pytest.raises(VaultError):
        keys.unwrap(moved)


def test_a_wrapped_key_that_was_cut_short_does_not_open() -> None:
    with pytest.raises(VaultError, match="does not open its data key"):
        master_keys("k1").unwrap(WrappedKey(connection="north", id="1", master_key_id="k1", wrapped=b""))
