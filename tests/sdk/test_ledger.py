"""What makes up for a failure, and what does not."""

from __future__ import annotations

from typing import Any

from checkwire.model.events import Event, Excused, Failed
from checkwire.model.failures import Failure
from checkwire.sdk.ledger import Expected, Ledger


class Book:
    """A ledger, and what it tells."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.ledger = Ledger(self.events.append, lambda: 7, lambda: 3)

    def fail(self, message: str = "m", connection: int | None = None, **more: Any) -> int:
        failure = Failure(code="timeout.message", message=message, connection=connection)
        return self.ledger.failed(failure, **more)

    @property
    def excused(self) -> list[tuple[int, str]]:
        return [(e.number, e.reason) for e in self.events if isinstance(e, Excused)]


def test_failures_are_numbered_from_one_and_told_with_time_and_step() -> None:
    book = Book()
    assert [book.fail("a"), book.fail("b", severity="warning")] == [1, 2]
    first = book.events[0]
    assert isinstance(first, Failed)
    assert (first.number, first.at_ns, first.step, first.severity) == (1, 7, 3, "failed")
    assert book.ledger.told == 2


def test_all_that_failed_at_a_place_is_excused_when_it_holds_there() -> None:
    book = Book()
    book.fail("a", site="here")
    book.fail("b", site="here")
    book.fail("c", site="there")
    book.fail("d")
    assert book.ledger.failing
    book.ledger.held("here")
    assert book.excused == [(1, "held_later"), (2, "held_later")]
    assert book.ledger.verifications == 1
    assert book.ledger.failing
    book.ledger.held("here")
    assert len(book.excused) == 2


def test_what_recovered_verifies_nothing() -> None:
    book = Book()
    book.fail(site="here")
    book.ledger.recovered("here")
    assert book.excused == [(1, "held_later")]
    assert book.ledger.verifications == 0
    assert not book.ledger.failing


def test_only_what_failed_before_it_began_is_excused() -> None:
    book = Book()
    book.fail(site="here")
    began = book.ledger.told
    book.fail(site="here")
    book.ledger.recovered("here", began=began)
    assert book.excused == [(1, "held_later")]
    book.ledger.recovered("here")
    assert book.excused == [(1, "held_later"), (2, "held_later")]


def test_a_connection_makes_up_for_itself_and_for_those_before_it() -> None:
    book = Book()
    book.ledger.opened(1)
    book.ledger.opened(2)
    book.fail("a", connection=1, site="here")
    book.ledger.held("here", connection=2)  # it was open already
    assert book.excused == []
    book.ledger.opened(3)
    book.fail("b", connection=1, site="here")
    book.ledger.held("here", connection=3)  # opened after the first failure
    assert book.excused == [(1, "held_later")]
    book.ledger.held("here", connection=1)
    assert book.excused == [(1, "held_later"), (2, "held_later")]


def test_degradations_and_warnings_are_never_made_up_for() -> None:
    book = Book()
    book.fail(severity="degraded", site="here")
    book.fail(severity="warning", site="here")
    book.ledger.held("here")
    assert book.excused == []
    assert not book.ledger.failing


def test_the_innermost_expectation_that_covers_a_failure_takes_it() -> None:
    book = Book()
    outer, middle, inner = Expected("*"), Expected("timeout.*"), Expected("tls.*")
    for expected in (outer, middle, inner):
        book.ledger.expect(expected)
    book.fail(site="here")
    assert (outer.met, inner.met) == (None, None)
    assert middle.met is not None
    assert book.excused == [(1, "expected")]
    book.ledger.held("here")
    assert len(book.excused) == 1


def test_a_failure_is_known_by_code_message_and_connection() -> None:
    book = Book()
    book.fail("a", connection=1)
    book.fail("a", connection=2)
    book.fail("a", connection=1)

    def number(**changes: Any) -> int:
        fields: dict[str, Any] = {"code": "timeout.message", "message": "a", "connection": 1}
        return book.ledger.number_of(Failure(**fields | changes))

    assert number() == 3
    assert number(connection=2) == 2
    assert number(details="other", hint="other") == 3
    assert number(message="b") == 0
    assert number(code="timeout.close") == 0


def test_it_stays_quick_however_many_failures_are_told() -> None:
    book = Book()
    for n in range(20_000):
        book.fail(str(n), connection=n)
        assert book.ledger.number_of(Failure(code="timeout.message", message="never")) == 0
    assert book.ledger.told == 20_000
