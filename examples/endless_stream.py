"""Work on a stream that never ends, and stop when enough is found: only a few items are read ahead."""

import itertools
from collections.abc import Iterator

import poolwise

read = 0


def numbers() -> Iterator[int]:
    """Give one number after another, for ever, and count how many were asked for."""
    global read  # noqa: PLW0603 - the example shows how far ahead the input is read
    for number in itertools.count(10**12 + 1, 2):
        read += 1
        yield number


def smallest_factor(number: int) -> int:
    """Find the smallest divisor above 1."""
    return next((d for d in range(3, int(number**0.5) + 1, 2) if number % d == 0), number)


found = []
with poolwise.imap(smallest_factor, numbers()) as factors:
    for number, factor in zip(itertools.count(10**12 + 1, 2), factors, strict=False):
        if factor == number:
            found.append(number)
        if len(found) == 3:
            break

print("the first three primes above a million million:", found)
print(f"{read} numbers were read")
print(factors.report)
assert found == [1000000000039, 1000000000061, 1000000000063]
assert read <= (found[-1] - 10**12) // 2 + 1 + 1024
