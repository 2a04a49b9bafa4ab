"""The timeline of a run: recorded where somebody has asked for it, and made when somebody looks at it."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from poolwise.model.options import BackendName, TimelineChoice
    from poolwise.model.plan import Revision
    from poolwise.model.timeline import Timeline
    from poolwise.run.recorder import Recorder

logger = logging.getLogger("poolwise")


class Recording:
    """What a run has to do with its timeline; where none was asked for, nothing."""

    def __init__(
        self,
        choice: TimelineChoice,
        item_at: Callable[[int], Any],
        kind_of: Callable[[int], BackendName],
        revisions: Sequence[Revision],
    ) -> None:
        """Begin; ``revisions`` is added to while the run goes on."""
        self._choice, self._kind_of, self._revisions = choice, kind_of, revisions
        self._teller: Callable[[], Timeline] | None = None
        self.recorder: Recorder | None = None
        """What writes the run down; None: nobody has asked for that."""
        if choice is not False:
            from poolwise.run.recorder import Recorder  # noqa: PLC0415 - few ask

            self.recorder = Recorder(item_at)

    @property
    def teller(self) -> Callable[[], Timeline] | None:
        """Give what tells who worked on what and when, so far; None where nobody has asked for it.

        To make a timeline takes as long as to record it, and is left to who looks at it. Of the run, which may have
        been given many items, nothing is held by this.
        """
        recorder = self.recorder
        if recorder is None or self._teller is not None:
            return self._teller
        from poolwise.report.timeline import revision_mark  # noqa: PLC0415 - few ask
        from poolwise.run.lanes import timeline_of  # noqa: PLC0415

        kinds: dict[int, BackendName] = {worker: self._kind_of(worker) for worker in recorder.workers.copy()}
        marks = [revision_mark(each) for each in self._revisions]
        return functools.cache(functools.partial(timeline_of, recorder, kinds, marks))

    def end(self) -> None:
        """The run is over; write its timeline where the caller wants it."""
        if self.recorder is None:
            return
        self.recorder.end()
        self._teller = self.teller
        if self._teller is None or isinstance(self._choice, bool):
            return
        try:
            self._teller().save(self._choice)
        except OSError as error:
            # A full disk must not cost the results.
            logger.warning("the timeline could not be written: %s", error)
