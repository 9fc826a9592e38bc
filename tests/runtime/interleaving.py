"""Every order in which sessions that act at the same time can do their statements."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus

# What a party does: a statement up to each yield, and the last one after the last.
Acts = Generator[None, None, None]

DEADLINE_S = 30

# df.run looks every 5 ms whether a scope that it waits for is free.
AGAIN_S = 0.02


class Party:
    """A session and what it is to do, an act at a time, on a thread of its own: one that waits for a lock holds up nobody else.

    `starts_if`: it has nothing to do before that holds, and nothing at all if it never does. `after`: of two that are alike only one order
    is worth a try.
    """

    def __init__(
        self,
        name: str,
        connection: psycopg.Connection[Any],
        acts: Acts,
        *,
        starts_if: Callable[[], bool] = lambda: True,
        after: Party | None = None,
        gives_up: bool = False,
    ) -> None:
        self.name = name
        self.connection = connection
        self.gives_up = gives_up
        self.has_started = False
        self.has_ended = False
        self.acts = acts
        self._starts_if = starts_if
        self._after = after
        self._pending: Future[bool] | None = None

    @property
    def is_waiting(self) -> bool:
        """Whether its statement has not come back."""
        return self._pending is not None

    @property
    def is_free(self) -> bool:
        if self.has_ended or self.is_waiting:
            return False
        return self.has_started or ((self._after is None or self._after.has_started) and self._starts_if())

    def act(self, threads: ThreadPoolExecutor) -> None:
        self.has_started = True
        self._pending = threads.submit(next, self.acts, True)

    def has_come_back(self, within_s: float) -> bool:
        if self._pending is None:
            return True
        if not wait([self._pending], timeout=within_s).done:
            return False
        self.has_ended = self._pending.result() is True
        self._pending = None
        return True

    @property
    def holds_nothing(self) -> bool:
        return self._pending is None and self.connection.info.transaction_status == TransactionStatus.IDLE


def explore(
    scene: Callable[[], Sequence[Party]], observer: psycopg.Connection[Any]
) -> Iterator[tuple[str, ...]]:
    """Play the scene, which is set anew each time, in every order there is; yields each when it is over.

    Who waits for a lock cannot act: the others go on. With `gives_up` there is also the order in which they do not, until
    the one that waits has had enough: "driver!".
    """
    with ThreadPoolExecutor() as threads:
        orders: list[tuple[str, ...]] = [()]
        while orders:
            given = orders.pop()
            order: tuple[str, ...] = ()
            parties = scene()
            try:
                while choices := _choices(parties):
                    if len(order) < len(given):
                        choice = given[len(order)]
                    else:
                        choice, *others = choices
                        orders += [(*order, other) for other in others]
                    order = (*order, choice)
                    _act(choice, parties, threads, observer)
            except BaseException as error:
                error.add_note(f"in the order {' '.join(order)}")
                # The statements that wait would be waited for.
                for party in parties:
                    party.connection.cancel()
                raise
            yield order


def _choices(parties: Sequence[Party]) -> list[str]:
    deadline = time.monotonic() + DEADLINE_S
    while True:
        free = [party.name for party in parties if party.is_free]
        waiting = [party for party in parties if party.is_waiting]
        if free or not waiting:
            return free + [f"{party.name}!" for party in waiting if party.gives_up]
        # Nobody is left who could let go of anything.
        for party in waiting:
            party.has_come_back(AGAIN_S)
        assert time.monotonic() < deadline, f"{[party.name for party in waiting]} wait for ever"


def _act(
    choice: str, parties: Sequence[Party], threads: ThreadPoolExecutor, observer: psycopg.Connection[Any]
) -> None:
    (party,) = [party for party in parties if party.name == choice.removesuffix("!")]
    if choice.endswith("!"):
        assert party.has_come_back(DEADLINE_S), f"{party.name} waits for ever"
    else:
        # It was free in another play of these same acts.
        assert party.has_come_back(DEADLINE_S), f"{party.name} waits for ever"
        party.act(threads)
        _until_back_or_waiting(party, observer)
    if party.holds_nothing:
        for other in parties:
            if other.is_waiting and not other.has_come_back(AGAIN_S):
                _until_back_or_waiting(other, observer)


def _until_back_or_waiting(party: Party, observer: psycopg.Connection[Any]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not party.has_come_back(0.002):
        assert time.monotonic() < deadline, f"{party.name} neither comes back nor waits"
        row = observer.execute(
            "SELECT wait_event_type = 'Lock' OR wait_event = 'PgSleep' FROM pg_stat_activity WHERE pid = %s",
            (party.connection.info.backend_pid,),
        ).fetchone()
        if row is not None and row[0]:
            return
