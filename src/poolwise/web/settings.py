"""What a caller of ``poolwise.fetch`` may ask for, and what is meant where nothing is said."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypedDict

from poolwise.errors import OptionError
from poolwise.model.checks import check_count, check_seconds, shown
from poolwise.model.classes import field, field_names, frozen, replace
from poolwise.model.journal import JournalChoice
from poolwise.model.options import ErrorsChoice, ProgressChoice, TimelineChoice, check_names
from poolwise.model.quota import Limit, LimitChoice, Rate, RateChoice, as_limits, as_rates
from poolwise.model.retry import Retry
from poolwise.model.units import Bytes, Seconds
from poolwise.web.agent import user_agent
from poolwise.web.options import ClientOptions, Limits
from poolwise.web.targets import BadTarget, Target

# A server that could not answer has often recovered after some seconds: 0.5, 1, 2 and 4 s are waited.
RETRIES: Final = 4
FIRST_WAIT_S: Final[Seconds] = 0.5
# Of pages from many hosts, eight failures in a row may well be dead links; so many in a row are no accident.
REST_AFTER: Final = 30


class FetchKeywords(TypedDict, total=False):
    """The options of ``poolwise.fetch``, for type checkers."""

    directory: str | os.PathLike[str] | None
    ordered: bool
    errors: ErrorsChoice
    rate: RateChoice
    limit: LimitChoice
    max_workers: int | None
    retries: int | Retry
    timeout: Seconds | None
    max_bytes: Bytes | None
    contact: str | None
    user_agent: str | None
    headers: Mapping[str, str]
    verify: bool
    robots: bool
    journal: JournalChoice
    refresh: bool
    max_failures: int | None
    progress: ProgressChoice
    desc: str | None
    total: int | None
    timeline: TimelineChoice


@frozen(kw_only=True)
class FetchOptions:
    """How pages are to be fetched; each field is an option of ``poolwise.fetch`` and explained there."""

    directory: str | os.PathLike[str] | None = None
    ordered: bool = False
    errors: ErrorsChoice = "collect"
    rate: RateChoice = None
    limit: LimitChoice = None
    max_workers: int | None = None
    retries: int | Retry = RETRIES
    timeout: Seconds | None = 300.0
    max_bytes: Bytes | None = 100 * 1024 * 1024
    contact: str | None = None
    user_agent: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    verify: bool = True
    robots: bool = True
    journal: JournalChoice = None
    refresh: bool = False
    max_failures: int | None = None
    progress: ProgressChoice = "auto"
    desc: str | None = None
    total: int | None = None
    timeline: TimelineChoice = False

    def __post_init__(self) -> None:
        """Check what the engine's own options do not."""
        check_seconds("timeout", self.timeout, optional=True)
        check_count("max_bytes", self.max_bytes, least=1, optional=True)
        for name in ("robots", "refresh", "verify"):
            if not isinstance(getattr(self, name), bool):
                raise OptionError(f"{name}={shown(getattr(self, name))}: write True or False")
        if self.refresh and self.journal is None:
            raise OptionError("refresh=True asks again for the pages of a journal: name it too (journal=...)")
        if self.directory is not None and not _names_a_folder(self.directory):
            raise OptionError(f"directory={shown(self.directory)}: write the name of a folder")
        if not isinstance(self.headers, Mapping):
            raise OptionError(f"headers={shown(self.headers)}: write a dict, such as {{'Accept-Language': 'en'}}")

    @classmethod
    def from_keywords(cls, verb: str, keywords: Mapping[str, Any]) -> FetchOptions:
        """Make the options of a call, or say which keyword is wrong and what to write instead."""
        check_names(verb, keywords, field_names(cls))
        return cls(**keywords)

    def for_client(self) -> ClientOptions:
        """Give what concerns one request."""
        limits = Limits(whole_s=self.timeout or math.inf, max_bytes=self.max_bytes or math.inf)
        agent = self.user_agent or user_agent(self.contact)
        return ClientOptions(limits=limits, user_agent=agent, headers=dict(self.headers), verify=self.verify)

    def for_engine(self, worth_retrying: Callable[[BaseException], bool]) -> dict[str, Any]:
        """Give what concerns the run of them all, as options of ``poolwise.imap``; the journal is another matter."""
        retries = self.retries
        if not isinstance(retries, Retry):
            check_count("retries", retries, least=0)
            retries = Retry(retries, on=worth_retrying, wait=FIRST_WAIT_S, rest_after=REST_AFTER)
        names = ("ordered", "max_workers", "max_failures", "progress", "total", "timeline")
        return {
            **{name: getattr(self, name) for name in names},
            "backend": "asyncio",
            # A failure is a page that tells of an error; what becomes of it is said further on.
            "errors": "collect",
            "retries": retries,
            "desc": "fetch" if self.desc is None else self.desc,
            "rate": self._rates(),
            "limit": self._limits(),
        }

    def _rates(self) -> Sequence[Rate]:
        """Give the rates; one that is only a text holds for each host."""
        return [each if _is_own(self.rate, each) else replace(each, key=host_of) for each in as_rates(self.rate)]

    def _limits(self) -> Sequence[Limit]:
        """Give the limits; one that is only a number holds for each host, and without any, each host's is found."""
        if self.limit is None:
            return [Limit(adaptive=True, key=host_of)]
        return [each if _is_own(self.limit, each) else replace(each, key=host_of) for each in as_limits(self.limit)]


def _names_a_folder(value: object) -> bool:
    return isinstance(value, os.PathLike) or (isinstance(value, str) and bool(value))


def host_of(target: Target | BadTarget) -> str:
    """Say whom a page is asked of; what is no URL asks nobody."""
    return target.key if isinstance(target, Target) else ""


def _is_own(given: object, each: Rate | Limit) -> bool:
    """Tell a value that the caller has made from one that stands for a text or a number of his."""
    return any(each is part for part in (given if isinstance(given, (list, tuple)) else (given,)))
