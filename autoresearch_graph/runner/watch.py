"""What the person who waits and the run that works tell each other, across threads."""

from threading import Event

from autoresearch_graph.hopeless import Bar, reading


class Cancelled(Exception):
    """The run was called off, so there is no outcome."""


class Watch:
    """One run seen from outside: `cancelled` ends it at once, `line` is the last it printed.

    With a `bar` it may turn out `hopeless` by what it reports while it is `looked_at`; that ends
    it, unless it is let go on as an audit of the bar.
    """

    def __init__(self, bar: Bar | None = None) -> None:
        self.cancelled = Event()
        self.line = ""
        self.looked_at = False
        self.hopeless = ""
        self._bar, self._share = bar, 0.0

    @property
    def bar(self) -> Bar | None:
        """By what it may turn out hopeless."""
        return self._bar

    @property
    def is_hopeless(self) -> bool:
        """Whether the run is to be ended."""
        return bool(self.hopeless and self._bar and not self._bar.audit)

    @property
    def spared(self) -> str:
        """Why it would have been ended, where it was let go on."""
        return self.hopeless if self._bar and self._bar.audit else ""

    def tell(self, line: str) -> None:
        """Take the latest line; called by the run a few times a second."""
        self.line = line
        now = reading(line) if self._bar and self.looked_at and not self.hopeless else None
        if now and self._bar:
            self.hopeless = self._bar.verdict(self._share, *now)
            self._share = now[0]
