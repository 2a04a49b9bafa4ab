import itertools

import pytest

from poolwise.cli.demo.chapters import PRIME_SUMS
from poolwise.cli.demo.server import LEAST_LATENCY_S, MORE_LATENCY_S, latency_s
from poolwise.cli.demo.work import Page, describe, is_prime, page_body


def sieve(limit):
    """Mark the primes below the limit (Eratosthenes)."""
    prime = bytearray([0, 0]) + bytearray([1]) * (limit - 2)
    for number in range(2, int(limit**0.5) + 1):
        if prime[number]:
            prime[number * number :: number] = bytes(len(range(number * number, limit, number)))
    return prime


def test_is_prime_agrees_with_a_sieve():
    """Trial division and the sieve of Eratosthenes find the same primes below 20,000."""
    assert [number for number in range(-3, 20_000) if is_prime(number)] == list(
        itertools.compress(range(20_000), sieve(20_000))
    )


@pytest.mark.parametrize(("limit", "expected"), PRIME_SUMS.items())
def test_the_expected_sums_agree_with_a_sieve(limit, expected):
    """The sums that the demo checks against are right."""
    assert sum(itertools.compress(range(limit), sieve(limit))) == expected


def test_a_page_is_always_the_same_and_no_two_are_alike():
    """The server and the check, in two processes, write the same text for a number."""
    pages = [page_body(number) for number in range(60)]
    assert pages == [page_body(number) for number in range(60)]
    assert len({describe(page) for page in pages}) == 60


def test_a_page_is_described_by_length_and_checksum():
    """The checksum is CRC-32, whose value for these digits is the standard's own example."""
    assert describe(b"123456789") == Page(9, 0xCBF43926)


def test_latencies_vary_within_their_bounds():
    """Pages are answered after 80 to 120 ms, and not all after the same time."""
    latencies = {latency_s(number) for number in range(60)}
    assert (min(latencies), max(latencies), len(latencies)) == (LEAST_LATENCY_S, LEAST_LATENCY_S + MORE_LATENCY_S, 11)
