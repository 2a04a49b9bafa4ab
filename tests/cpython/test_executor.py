from __future__ import annotations

import pytest

from tests.cpython.borrowed import find_cases, find_modules, with_pool

pytestmark = [pytest.mark.slow]

FIELDS = "looks into private fields of the standard library's executors"
# What is skipped, by the name of the test; (part of the) name of the case where only some of them are.
SKIPPED = {}


def skipped(case: str, test: str) -> str | None:
    """Tell why a test is not run; None: it is."""
    return SKIPPED.get(test)


for each in find_cases(find_modules()):
    globals()[each.__name__] = with_pool(each, skipped, __name__)
