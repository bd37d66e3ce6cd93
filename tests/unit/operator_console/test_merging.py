"""Two streams are one sequence by the time of storing, however they are cut into batches."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from operator_console.merging import Message, Places, merged
from operator_console.stream_reader import Read

START = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)


def stream(moments: list[int]) -> list[Read]:
    return [
        Read(
            number,
            None,
            {
                "Nats-Time-Stamp": (START + timedelta(seconds=moment)).isoformat(),
                "Nats-Num-Pending": str(len(moments) - number),
            },
        )
        for number, moment in enumerate(sorted(moments), start=1)
    ]


def seen(everything: list[Read], after: int, most: int, *, stored: int | None = None) -> list[Read]:
    """What a reader is answered while only the first `stored` messages are there."""
    there = everything if stored is None else everything[:stored]
    return [
        Read(each.sequence, None, {**each.headers, "Nats-Num-Pending": str(len(there) - each.sequence)})
        for each in there[after : after + most]
    ]


MOMENTS = st.lists(st.integers(0, 12), max_size=12)


@given(facts=MOMENTS, letters=MOMENTS, most=st.integers(1, 5), data=st.data())
def test_the_order_does_not_depend_on_when_and_how_much_is_read(
    facts: list[int], letters: list[int], most: int, data: st.DataObject
) -> None:
    documents, buried = stream(facts), stream(letters)
    expected = sorted(
        [Message(each, buried=False) for each in documents] + [Message(each, buried=True) for each in buried],
        key=lambda each: (each.read.stored_at, each.buried),
    )
    moments = sorted({*facts, *letters, 13})
    places, found, now = Places(), list[tuple[bool, int]](), 0
    while now < len(moments):
        # Each of the three reads sees what was stored until its moment, and time goes on between them.
        first, second, third = (data.draw(st.integers(now, len(moments) - 1)) for _ in range(3))
        first, second, third = sorted((first, second, third))
        counts = [
            sum(moment <= moments[each] for moment in kind)
            for each, kind in ((first, letters), (second, facts), (third, letters))
        ]
        known = seen(buried, places.letters, most, stored=counts[0])
        some = seen(documents, places.documents, most, stored=counts[1])
        again = seen(buried, places.letters, most, stored=counts[2]) if some else known
        batch = merged(known, some, again, places)
        assert batch.messages or not (known or some)
        found += [(each.buried, each.read.sequence) for each in batch.messages]
        places = batch.places
        now = third if batch.messages else now + 1

    assert places == Places(len(documents), len(buried))
    # Messages of the same moment are one step: a fact may be stored after a dead letter of its moment was folded.
    order = {(each.buried, each.read.sequence): each.read.stored_at for each in expected}
    assert [order[each] for each in found] == sorted(order.values())
    assert sorted(found) == sorted(order)
