"""What a program and its managers (``multiprocessing.Manager``) know each other by, for workers that are no copies."""

from __future__ import annotations

import sys


def take_secret() -> bytes | None:
    """Give it; None in a program that has no manager."""
    # Who has not imported this has none.
    process = sys.modules.get("multiprocessing.process")
    return bytes(process.current_process().authkey) if process is not None else None


def share_secret(secret: bytes | None) -> None:
    """Take it over, before anything is unpickled: a manager's proxies connect when they are."""
    if secret is not None:
        from multiprocessing.process import current_process  # noqa: PLC0415 - only programs that use it pay for it

        current_process().authkey = secret
