"""What a client of web pages may be told: its limits, and how it presents itself."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

from poolwise.errors import OptionError
from poolwise.model.classes import field, field_names, frozen
from poolwise.model.units import Bytes, Seconds

# What could end a header early and begin another one (RFC 9110, section 5.5).
BREAKS: Final = ("\r", "\n", "\0")


@frozen(kw_only=True)
class Limits:
    """How long a page may take, and how much it may send; ``math.inf`` sets no limit."""

    connect_s: Seconds = 10.0
    """Seconds to find the host, connect to it and agree on TLS."""
    answer_s: Seconds = 30.0
    """Seconds from the request until the answer's headers are there."""
    read_s: Seconds = 30.0
    """Seconds between two pieces of the body."""
    whole_s: Seconds = 300.0
    """Seconds for all of it, redirects included."""
    max_bytes: float = 100 * 1024 * 1024
    """The largest body in bytes, after decoding."""
    max_header_line: Bytes = 32 * 1024
    """The longest line of the headers in bytes; browsers take more, servers seldom send half of it."""
    max_headers: int = 256
    """The most headers of an answer."""
    max_header_bytes: Bytes = 256 * 1024
    """The most bytes of all headers of an answer: what Chromium takes."""
    max_redirects: int = 10
    """The most redirects that are followed for a page; 0 follows none."""

    def __post_init__(self) -> None:
        for name in field_names(type(self)):
            value = getattr(self, name)
            least = 0 if name == "max_redirects" else 1 if name.startswith("max_") else math.ulp(0.0)
            if not isinstance(value, (int, float)) or not value >= least:
                raise OptionError(f"{name} must be a number above {'-1' if least == 0 else '0'}, and is {value!r}")


@frozen(kw_only=True)
class ClientOptions:
    """How pages are asked for."""

    limits: Limits = field(default_factory=Limits)
    user_agent: str = "poolwise"
    """Who asks: the name of the program, and where to find out about it."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """More headers. They go to the origins that were named; of them, a redirect to another origin gets only ``Accept``
    and ``Accept-Language``."""
    verify: bool = True
    """Whether certificates are checked."""

    def __post_init__(self) -> None:
        for name, value in {"User-Agent": self.user_agent, **self.headers}.items():
            if any(each in name + value for each in BREAKS) or not name.strip():
                raise OptionError(f"the header {name!r} cannot be sent: a name is needed, and no line may break in it")
