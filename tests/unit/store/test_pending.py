from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.errors import Overloaded
from router.store.pending import Pending, Ticket


def test_sequences_rise_without_gaps_also_after_a_failure() -> None:
    pending = Pending(100)
    first, second = pending.take(3, 10), pending.take(2, 11)
    pending.fail(first)
    third = pending.take(1, 12)
    assert [first.first_seq, second.first_seq, third.first_seq] == [1, 4, 6]
    assert pending.last_seq == 6
    assert pending.count == 3


def test_the_limit_takes_all_or_nothing_and_says_when_to_come_back() -> None:
    pending = Pending(5)
    pending.take(4, 1)
    with pytest.raises(Overloaded, match=r"4 accepted .* limit of 5") as refused:
        pending.take(2, 1)
    assert refused.value.retry_after_seconds == 1
    assert pending.count == 4
    assert pending.take(1, 1).first_seq == 5


def test_a_cursor_inside_an_append_frees_what_it_has_passed() -> None:
    pending = Pending(10)
    pending.take(6, 1)
    pending.take(4, 1)
    pending.advance(2)
    assert pending.count == 8
    pending.advance(2)
    assert pending.count == 8
    pending.advance(7)
    assert pending.count == 3
    pending.advance(10)
    assert pending.count == 0


def test_restored_entries_count_although_their_sequences_have_gaps() -> None:
    pending = Pending(10)
    pending.take(3, 1)
    pending.restore(20, [11, 12, 15, 16, 20])
    assert pending.count == 5
    assert pending.oldest_at() is None
    pending.advance(12)
    assert pending.count == 3
    pending.advance(15)
    assert pending.count == 2
    assert pending.take(1, 5).first_seq == 21


def test_the_oldest_is_the_time_of_the_first_that_was_not_announced() -> None:
    pending = Pending(10)
    assert pending.oldest_at() is None
    tickets = [pending.take(1, at) for at in (3, 4, 6, 9)]
    assert pending.oldest_at() == 3
    pending.announce(tickets[1])
    assert pending.oldest_at() == 3
    pending.announce(tickets[0])
    assert pending.oldest_at() == 6
    pending.fail(tickets[2])
    assert pending.oldest_at() == 9
    pending.announce(tickets[3])
    assert pending.oldest_at() is None


def test_time_never_goes_back_behind_what_was_accepted_or_decided() -> None:
    pending = Pending(10)
    assert [pending.take(1, at).at for at in (5, 3, 4, 9)] == [5, 5, 5, 9]
    pending.pass_time(20)
    pending.pass_time(15)
    assert [pending.take(1, at).at for at in (12, 21)] == [20, 21]
    pending.restore(6, [], passed_at=30)
    assert pending.take(1, 25).at == 30


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("take"), st.integers(1, 5), st.integers(0, 20)),
        st.tuples(st.sampled_from(["announce", "fail"]), st.just(0), st.just(0)),
        st.tuples(st.just("advance"), st.integers(0, 40), st.just(0)),
    ),
    max_size=60,
)


@given(STEPS)
def test_it_agrees_with_counting_every_entry(steps: list[tuple[str, int, int]]) -> None:
    pending = Pending(30)
    waiting: set[int] = set()  # sequences that count
    tickets: list[tuple[Ticket, list[int], int]] = []  # not settled, in order
    last_seq, cursor, passed_at = 0, 0, 0
    for name, number, at in steps:
        if name == "take":
            if len(waiting) + number > 30:
                with pytest.raises(Overloaded):
                    pending.take(number, at)
                continue
            sequences = list(range(last_seq + 1, last_seq + number + 1))
            last_seq += number
            passed_at = max(at, passed_at)
            tickets.append((pending.take(number, at), sequences, passed_at))
            waiting.update(sequences)
        elif name == "advance":
            settled_until = tickets[0][1][0] - 1 if tickets else last_seq  # nobody decides what was not announced
            cursor = max(cursor, min(number, settled_until))
            pending.advance(cursor)
            waiting = {seq for seq in waiting if seq > cursor}
        elif tickets:
            ticket, sequences, _ = tickets.pop(0)
            (pending.announce if name == "announce" else pending.fail)(ticket)
            if name == "fail":
                waiting -= set(sequences)
        assert pending.count == len(waiting)
        assert pending.last_seq == last_seq
        assert pending.oldest_at() == min((at for _, _, at in tickets), default=None)
