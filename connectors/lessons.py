"""What an error of the server taught, kept with the time it was learned. The rule: it is believed for a day and then tried again,
so that nothing which went wrong once is left out for good."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from connectors.context import Clock, Learned

BELIEVED = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Lessons:
    """Facts of the form {what: when it was learned, UTC ISO}, each under a name such as “no columns of Leads”."""

    learned: Learned
    clock: Clock

    def recent(self, name: str) -> tuple[str, ...]:
        """Return what was learned under that name within the last day."""
        return tuple(dict(self._recent(name)))

    def note(self, name: str, *what: str) -> None:
        """Remember this, too, from now on for a day."""
        self.learned.set(name, {**dict(self._recent(name)), **self._now(what)})

    def replace(self, name: str, *what: str) -> None:
        """Remember this instead of what was learned under that name."""
        self.learned.set(name, self._now(what))

    def _now(self, what: Sequence[str]) -> dict[str, str]:
        return dict.fromkeys(what, self.clock.now().isoformat(timespec="seconds"))

    def _recent(self, name: str) -> Iterator[tuple[str, str]]:
        kept = self.learned.get(name)
        for what, when in kept.items() if isinstance(kept, dict) else ():  # another version kept other forms
            try:
                age = self.clock.now() - datetime.fromisoformat(when)
            except (TypeError, ValueError):
                continue
            if age < BELIEVED:
                yield what, when
