"""End a long run early and take it up again: a journal keeps every result as it comes."""

import itertools
import tempfile
from pathlib import Path

import poolwise


def count_primes(start: int) -> int:
    """Count the primes among 100 numbers."""
    return sum(n > 1 and all(n % d for d in range(2, int(n**0.5) + 1)) for n in range(start, start + 100))


starts = range(0, 100_000, 100)
with tempfile.TemporaryDirectory() as folder:
    journal = Path(folder, "primes.db")
    with poolwise.imap(count_primes, starts, journal=journal) as results:
        # The run ends early, as it does by Ctrl-C, a reboot or a kill.
        taken = list(itertools.islice(results, 400))
    print(f"ended after {len(taken)} of {len(starts)} items")

    # The same work again, in this program or another one, on this day or another.
    counts = poolwise.map(count_primes, starts, journal=journal)

print(counts.report)
assert sum(counts) == 9592
assert len(taken) <= counts.report.recalled <= len(starts)
