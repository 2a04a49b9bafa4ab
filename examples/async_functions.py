"""Await a coroutine function on many items, from inside a running event loop, which goes on meanwhile."""

import asyncio
import time

import poolwise


async def ask(number: int) -> int:
    """Wait for an answer as an asyncio client does."""
    await asyncio.sleep(0.05)
    return number * number


async def main() -> tuple[list[int], list[int]]:
    """Run 100 calls, at most 50 at a time, while something else goes on in the same loop."""
    ticks = asyncio.create_task(tick())
    answers = await poolwise.amap(ask, range(100), max_workers=50)
    ticks.cancel()
    streamed = [answer async for answer in poolwise.aimap(ask, range(10))]
    return answers, streamed


async def tick() -> None:
    """Show that the loop is free."""
    while True:
        print("the event loop goes on")
        await asyncio.sleep(0.05)


begun = time.perf_counter()
answers, streamed = asyncio.run(main())

print(answers.report)
assert answers == [number * number for number in range(100)]
assert streamed == answers[:10]
assert time.perf_counter() - begun < 100 * 0.05, "one after another it takes 5 s"
