"""How an item that fails is tried again: the policy behind ``retries=``."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from poolwise.errors import ErrorShippingError, OptionError
from poolwise.model.checks import check_count, check_seconds, shown
from poolwise.model.classes import frozen
from poolwise.model.units import Seconds

RetryOn: TypeAlias = type[BaseException] | tuple[type[BaseException], ...] | Callable[[BaseException], bool]

# What a first wait is where nothing else is said: a service that has dropped a connection answers again by then, as a
# rule, and a person does not notice it (stamina's default, too).
WAIT_S: Seconds = 0.1


@frozen
class Retry:
    """Which failures are tried again, how often, and after what wait.

    The wait before the n-th try more is ``wait * factor ** (n - 1)``, at most ``wait_max`` seconds, of which a random
    part of up to ``jitter`` is left out: many items that failed together do not come back together ("Exponential
    Backoff And Jitter", M. Brooker, AWS Architecture Blog, 2015). While an item waits, no worker waits with it.
    """

    retries: int = 3
    """Tries after the first one, 0 or more."""
    on: RetryOn = Exception
    """An exception type, several, or a function that takes the exception and says whether to try again. A type fits an
    exception that could not travel back from a worker, too; a function is given the ``ErrorShippingError`` in its
    place."""
    wait: Seconds | None = None
    """Seconds before the second try; 0: none. None: 0.1 where waiting may help (connections, time-outs, HTTP 429 and
    5xx), and none where a function fails by itself."""
    factor: float = 2.0
    """Each wait is so many times as long as the one before, 1 or more."""
    wait_max: Seconds = 30.0
    """No wait is longer."""
    jitter: float = 0.5
    """Up to this share of a wait is left out, at random: 0 to 1."""
    retry_after: bool = True
    """Wait as long as the answer asks for (the header ``Retry-After`` of HTTP), where that is longer."""
    retry_after_max: Seconds = 300.0
    """An answer that asks for more is not waited for: the item has failed."""
    rest_after: int | None = 8
    """So many failures one after another, with no item done in between, that look like a service's: the whole run
    rests, and tries one item. None: it never does."""
    rest: Seconds = 1.0
    """How long the first rest is, unless the answers ask for more; each that follows without success is twice as long,
    up to a minute, and after five in a row the service is given up."""

    def __post_init__(self) -> None:
        """Check every value."""
        check_count("Retry.retries", self.retries, least=0)
        check_count("Retry.rest_after", self.rest_after, least=1, optional=True)
        if self.wait != 0 or isinstance(self.wait, bool):
            check_seconds("Retry.wait", self.wait, optional=True)
        check_seconds("Retry.wait_max", self.wait_max)
        check_seconds("Retry.retry_after_max", self.retry_after_max)
        check_seconds("Retry.rest", self.rest)
        if not _is_number(self.factor) or self.factor < 1:
            raise OptionError(f"Retry.factor={shown(self.factor)}: write a number, 1 or more")
        if not _is_number(self.jitter) or not 0 <= self.jitter <= 1:
            raise OptionError(f"Retry.jitter={shown(self.jitter)}: write a number from 0 to 1")
        if not isinstance(self.retry_after, bool):
            raise OptionError(f"Retry.retry_after={shown(self.retry_after)}: write True or False")
        if not (_are_exceptions(self.on) or (callable(self.on) and not isinstance(self.on, type))):
            raise OptionError(
                f"Retry.on={shown(self.on)}: write an exception type, a tuple of them, or a function that takes the "
                "exception and gives True or False"
            )

    def takes(self, error: BaseException) -> bool:
        """Tell whether an item that failed by this may be tried again; raises what a function in ``on`` raises."""
        on = self.on
        if not isinstance(on, (type, tuple)):
            return bool(on(error))
        if isinstance(error, on):
            return True
        kinds = on if isinstance(on, tuple) else (on,)
        return isinstance(error, ErrorShippingError) and any(qualified_name(kind) in error.kinds for kind in kinds)

    def wait_s(self, attempt: int, drawn: float, *, helps: bool) -> Seconds:
        """Say how long to wait before try ``attempt`` (from 2), with a number ``drawn`` from 0 to 1 at random."""
        first = self.wait if self.wait is not None else WAIT_S if helps else 0.0
        if not first:
            return 0.0
        try:
            whole = first * self.factor ** (attempt - 2)
        except OverflowError:
            whole = self.wait_max
        return min(whole, self.wait_max) * (1 - self.jitter * drawn)


def as_retry(retries: int | Retry) -> Retry:
    """Give the policy that a number stands for."""
    return retries if isinstance(retries, Retry) else Retry(retries)


def qualified_name(kind: type) -> str:
    """Name a type so that it can be told from others where it cannot be itself."""
    return f"{kind.__module__}.{kind.__qualname__}"


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _are_exceptions(value: object) -> bool:
    kinds = value if isinstance(value, tuple) else (value,)
    return bool(kinds) and all(isinstance(each, type) and issubclass(each, BaseException) for each in kinds)
