"""Account numbers at rest: equal ones read alike, nobody without the key reads one, and masks show four characters."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlc_common.account_seal import AccountSeal, mask, scrubbed, shown
from mlc_common.vault import DataKey, VaultError

SEAL = AccountSeal.under(DataKey(connection="northwind", id="k", secret=bytes(range(32))))
numbers = st.from_regex(r"[A-Z]{2}[0-9]{12,26}|[0-9]{5,30}|[0-9]{3}-[0-9]{6}-[0-9]{3,8}", fullmatch=True)
"""IBANs and whatever countries without them write."""


def place(code: str = "10432") -> dict[str, str]:
    return {"company": "US01", "code": code}


def visible(text: str, number: str) -> str:
    """The longest run of the number's digits that the text shows."""
    digits, told = re.sub(r"\D", "", number), re.sub(r"[\s.-]", "", text)
    runs = (digits[a:b] for a in range(len(digits)) for b in range(a + 1, len(digits) + 1))
    return max((run for run in runs if run in told), key=len, default="")


@given(numbers)
def test_a_number_opens_only_where_it_was_sealed_and_equal_ones_read_alike(number: str) -> None:
    sealed = SEAL.seal(number, **place())

    assert SEAL.open(sealed, **place()) == number
    assert SEAL.seal(number, **place()) == sealed == SEAL.seal(sealed, **place())
    assert SEAL.seal(number, **place("10433")) != sealed
    with pytest.raises(VaultError, match="10433"):
        SEAL.open(sealed, **place("10433"))
    with pytest.raises(VaultError, match="another key"):
        AccountSeal.under(DataKey.fresh("northwind")).open(sealed, **place())


@given(numbers)
def test_no_more_than_four_of_its_digits_are_ever_shown(number: str) -> None:
    sealed = SEAL.seal(number, **place())

    assert len(visible(mask(number), number)) <= 4
    for text in (shown({"a": [sealed, {"b": f"IBAN {sealed} at X"}]}), repr(SEAL), scrubbed(f"{number} is wrong")):
        assert len(visible(str(text), number)) <= 4
    assert number not in sealed


@given(numbers, st.sampled_from([" ", "-", "  ", "."]), st.integers(2, 5))
def test_what_others_say_of_a_number_is_masked_however_they_write_it(number: str, between: str, width: int) -> None:
    written = between.join(number[start : start + width] for start in range(0, len(number), width))

    found = scrubbed(f"The account {written} of vendor ABC is not known.")

    assert len(visible(found, number)) <= 4
    assert found.startswith("The account ")
    assert found.endswith(" of vendor ABC is not known.")


@pytest.mark.parametrize(
    ("number", "seen"), [("FI2112345600000785", "…0785"), ("1234567", "…67"), ("12", "…"), ("", "…")]
)
def test_of_a_short_number_even_less_is_shown(number: str, seen: str) -> None:
    assert mask(number) == seen


def test_what_is_not_sealed_stays_as_it_is() -> None:
    assert SEAL.open("10432", **place()) == "10432"
    assert SEAL.seal("", **place()) == ""
    assert shown({"name": "sealed: by hand", "number": 4711, "list": ("a",)}) == {
        "name": "sealed: by hand",
        "number": 4711,
        "list": ["a"],
    }
