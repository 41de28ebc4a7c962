"""The workspace's own time: real time plus an offset that a test can move. Everything that expires asks this clock."""
import asyncio
import time


class Clock:
    def __init__(self):
        self.offset = 0.0
        self._moved = asyncio.Event()

    def now(self) -> float:
        return time.time() + self.offset

    def millis(self) -> int:
        return int(self.now() * 1000)

    def advance(self, seconds: float):
        self.offset += seconds
        self._moved.set()
        self._moved = asyncio.Event()

    async def sleep_until(self, moment: float):
        """Wakes when the clock shows `moment`, however it got there."""
        while (left := moment - self.now()) > 0:
            try:
                await asyncio.wait_for(self._moved.wait(), left)
            except TimeoutError:
                pass
