"""Keep going when items fail: try again what fails by accident, and look at the failures at the end."""

import threading

import poolwise
from poolwise.errors import TaskTimeoutError

tried: dict[int, int] = {}
lock = threading.Lock()
for_ever = threading.Event()


def deliver(parcel: int) -> str:
    """Fail on the first try with every fifth parcel, always with number 7, and never end with number 13."""
    with lock:
        tried[parcel] = tried.get(parcel, 0) + 1
    if parcel == 13:
        for_ever.wait()
    if parcel == 7:
        raise ValueError("no such address")
    if parcel % 5 == 0 and tried[parcel] == 1:
        raise ConnectionError("the line was busy")
    return f"parcel {parcel} delivered"


# Threads share `tried`; processes would each have their own.
results = poolwise.map(deliver, range(20), backend="threads", errors="collect", retries=1, timeout=0.5)

for failure in results.failures:
    print(f"parcel {failure.item}: {failure.error!r}, tried {failure.attempts} times")
print(results.report)

assert [failure.index for failure in results.failures] == [7, 13]
assert isinstance(results.failures[1].error, TaskTimeoutError)
assert sum(1 for result in results if result) == 18, "a Failure is false"

# Only what failed, with a function that knows what to do about it.
again = poolwise.map(lambda parcel: f"parcel {parcel} sent back", [failure.item for failure in results.failures])
assert again == ["parcel 7 sent back", "parcel 13 sent back"]
