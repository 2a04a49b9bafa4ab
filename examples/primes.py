"""Count the primes below 1,000,000: the function computes, so that Poolwise runs it in processes."""

import poolwise

BLOCK = 1000


def count_primes(start: int) -> int:
    """Count the primes from ``start`` up to ``start + BLOCK``."""
    return sum(is_prime(number) for number in range(start, start + BLOCK))


def is_prime(number: int) -> bool:
    """Tell by trial division."""
    if number < 2 or number % 2 == 0:
        return number == 2
    return all(number % divisor for divisor in range(3, int(number**0.5) + 1, 2))


counts = poolwise.map(count_primes, range(0, 1_000_000, BLOCK))

print(counts.report)
assert sum(counts) == 78498
if poolwise.machine().cores > 1:
    assert counts.report.plan.backend == "processes"
