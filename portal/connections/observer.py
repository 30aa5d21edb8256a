"""Is asked before every single request to a CRM and told after it: the one place that enforces read-only, limits and
places, and that writes down what was sent. The rule: nothing it stores can lose the answer of a request already made."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import Error as DatabaseError
from django.utils.translation import gettext as _

from connectors import context
from connectors.errors import ReadOnly
from portal.connections.limits import Purpose, Rules, read_rules, spend
from portal.connections.locks import refuse_in_transaction, visiting
from portal.connections.models import Call
from portal.connections.places import Places

log = logging.getLogger(__name__)
FLUSH_ROWS = 500


class CallObserver:
    """The Observer of one opened connector; its threads share it. `calls` is the number of requests so far."""

    def __init__(
        self,
        connection_id: int,
        purpose: Purpose,
        run_id: int | None = None,
        guard: Callable[[], None] = lambda: None,
    ) -> None:
        self.calls = 0
        self._connection_id = connection_id
        self._purpose: Purpose = purpose
        self._run_id = run_id
        self._guard = guard
        self._home = threading.get_ident()
        self._places = Places(connection_id, purpose)
        self._lock = threading.Lock()
        self._rules: Rules | None = None
        self._read_at = self._flushed_at = time.monotonic()
        self._rows: list[Call] = []

    def before(self, call: context.Call) -> None:
        """Let the request through. Raises ReadOnly, BudgetSpent, ConfigError (connection deleted), and RuntimeError
        inside a database transaction; and whatever the guard raises, which is asked last: waiting may have taken long."""
        refuse_in_transaction()
        with visiting(self._home):
            rules = self._allow(call)
            self._places.enter(rules, patient=call.patient)
            try:
                rules = self._allow(call)  # waiting for a place may have taken long
                spend(self._connection_id, rules, self._purpose, self._now(rules))
                self._guard()
            except BaseException:
                self._places.leave()
                raise
        with self._lock:
            self.calls += 1

    def after(self, call: context.Call, outcome: context.Outcome) -> None:
        """Write down how it ended: a write at once, readings together, so that a fast one stays fast. Who writes from threads
        flushes after them: each would wait for a connection of its own and for its turn to write."""
        at_home = threading.get_ident() == self._home
        with self._lock:
            self._rows.append(self._row(call, outcome))
            due = (
                (call.writes and at_home)
                or len(self._rows) >= FLUSH_ROWS
                or time.monotonic() - self._flushed_at >= settings.BEAT_SECONDS
            )
        with visiting(self._home):
            self._quietly(self._places.leave)
            if due:
                self.flush()

    def _row(self, call: context.Call, outcome: context.Outcome) -> Call:
        return Call(
            connection_id=self._connection_id,
            at=datetime.now(UTC),
            operation=call.operation[:60],
            method=call.method[:8],
            writes=call.writes,
            status=outcome.status,
            ms=round(outcome.ms),
            sent_bytes=outcome.sent_bytes,
            received_bytes=outcome.received_bytes,
            error=outcome.error[:60],
            purpose=self._purpose,
            run_id=self._run_id,
        )

    def flush(self) -> None:
        """Store the buffered rows; keeps them for the next time when the database cannot take them now."""
        with self._lock:
            rows, self._rows, self._flushed_at = self._rows, [], time.monotonic()
        if rows and not self._quietly(lambda: Call.objects.bulk_create(rows)):
            with self._lock:
                self._rows = rows + self._rows

    def close(self) -> None:
        """Store what is buffered and give all places back."""
        self.flush()
        self._quietly(self._places.close)

    def _allow(self, call: context.Call) -> Rules:
        rules = self._rules
        if rules is None or time.monotonic() - self._read_at > settings.BEAT_SECONDS:  # writing may be forbidden by now
            rules = read_rules(self._connection_id)
            self._rules, self._read_at = rules, time.monotonic()
        if call.writes and not rules.writable:
            text = _(
                "“%(name)s” is read-only: nothing was sent. Allow writing on the connection's page or with “allow_writing %(name)s”."
            )
            raise ReadOnly(text % {"name": rules.name})
        return rules

    def _now(self, rules: Rules) -> datetime:
        return rules.now + timedelta(seconds=time.monotonic() - self._read_at)

    def _quietly(self, store: Callable[[], object]) -> bool:
        """Do it; a database that fails now is told to the log, for the CRM's answer must reach whoever asked."""
        try:
            store()
        except DatabaseError:
            log.exception("Could not write down calls to connection %s.", self._connection_id)
            return False
        return True
