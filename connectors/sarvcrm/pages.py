"""One list at the server, page by page as it can send them. The rule: a refusal of the database is believed only when the same is
refused twice while the plainest question is answered; a page that is too much for the server is asked for again, smaller."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from connectors.answer import Listing
from connectors.errors import ProtocolError, QueryError, Unavailable
from connectors.lessons import Lessons
from connectors.sarvcrm.answers import BAD_SQL, TOO_MUCH
from connectors.sarvcrm.client import PAGE, Question
from connectors.wording import text as _

SMALLEST = 20  # records of a page; a server that finds even these too many is not asked again
BEYOND = 10_000_000  # an offset behind the end of every list
PLAINEST = Question(fields=("id",), limit=1)


class SamePage(ProtocolError):
    """The server sends the same page again and again, so nobody knows what else there is."""


@dataclass(frozen=True, slots=True)
class Pages:
    """A list: `ask` carries a question out, `name` is what it is called in what is learned of it ("Leads")."""

    ask: Callable[[Question], Listing]
    name: str
    lessons: Lessons

    def page(self, asked: Question) -> Listing:
        """Return one page, smaller than asked where the server needs that (code 90).

        Raises QueryError (code BAD_SQL) for what the database refuses for good, Unavailable while it refuses everything.
        """
        try:
            return self._sized(asked)
        except QueryError as e:
            if e.code != BAD_SQL:
                raise
        try:
            self.ask(PLAINEST)
        except QueryError as e:
            sentence = _("SarvCRM's database fails: it does not even list %(name)s. Try again later.", name=self.name)
            raise Unavailable(sentence, code=e.code) from e
        return self._sized(asked)

    def _sized(self, asked: Question) -> Listing:
        most = min(asked.limit, *map(int, self.lessons.recent(page_size(self.name))), PAGE)
        size = most
        while True:
            try:
                found = self.ask(replace(asked, limit=size))
            except Unavailable as e:
                if e.code != TOO_MUCH or size <= SMALLEST:
                    raise
                size = max(SMALLEST, size // 2)
                continue
            if size < most:
                self.lessons.note(page_size(self.name), str(size))
            return found

    def same_again(self) -> SamePage:
        """Return the error for a page that brings nothing new though there may be more."""
        return SamePage(_("SarvCRM sends the same page of %(name)s again and again.", name=self.name))

    def heeds_offset(self, asked: Question) -> bool:
        """Say whether the server looks at the offset of this question: far behind the end it finds nothing."""
        return not self.page(replace(asked, limit=1, offset=BEYOND)).rows


def page_size(name: str) -> str:
    """Return the name under which is learned how many records of a list the server can send at once."""
    return f"page size of {name}"
