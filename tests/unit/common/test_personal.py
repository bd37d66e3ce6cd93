"""Personal members leave a document's text and come back byte for byte; what is around them is never touched."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlc_common.personal import ERASED, put_back, take_out

MEMBERS = ("referencePerson", "supplierBankIBAN", "ownerName")
TEXT = st.text(alphabet=st.characters(codec="utf-8"), max_size=12) | st.sampled_from(
    ['"referencePerson": "x"', '\\"', '"', "(erased)", "\\", 'ownerName":"']
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*MEMBERS, "OWNERNAME", "text1", 'a"b']), inner)
    ),
    max_leaves=12,
)


def test_members_are_taken_out_at_any_depth_and_in_any_case() -> None:
    text = (
        '{"referencePerson" : "J\\u00e4ne \\"B\\"", "netSum": 1.10, "r": [{"OwnerName":"Bo"}], "supplierBankIBAN":12}'
    )

    left, values = take_out(text, MEMBERS)

    assert values == ('"J\\u00e4ne \\"B\\""', '"Bo"', "12")
    assert left == (
        f'{{"referencePerson" : "{ERASED}", "netSum": 1.10, "r": [{{"OwnerName":"{ERASED}"}}], '
        f'"supplierBankIBAN":"{ERASED}"}}'
    )
    assert put_back(left, MEMBERS, values) == text


def test_a_name_inside_a_text_is_no_member() -> None:
    text = json.dumps({"description": 'he wrote "referencePerson": "Jane", twice', "x": "referencePerson"})

    assert take_out(text, MEMBERS) == (text, ())


def test_without_members_nothing_is_taken() -> None:
    assert take_out('{"": "x"}', ()) == ('{"": "x"}', ())


def test_another_text_does_not_take_the_values() -> None:
    with pytest.raises(ValueError, match="another number"):
        put_back("{}", MEMBERS, ('"Jane"',))


@given(value=VALUES, ascii_only=st.booleans(), indent=st.sampled_from([None, 2]))
def test_any_json_text_comes_back_and_no_personal_text_is_left(
    value: object, ascii_only: bool, indent: int | None
) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent)

    left, values = take_out(text, MEMBERS)

    assert put_back(left, MEMBERS, values) == text
    assert _personal(json.loads(left)) <= {ERASED}


def _personal(value: object) -> set[object]:
    """The texts and numbers of personal members."""
    match value:
        case dict():
            mine = {
                inner
                for name, inner in value.items()
                if name.lower() in {each.lower() for each in MEMBERS} and type(inner) in (str, int)
            }
            return mine.union(*map(_personal, value.values()))
        case list():
            return set[object]().union(*map(_personal, value))
        case _:
            return set()
