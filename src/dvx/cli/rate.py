"""How fast bytes pass now, and how long the rest takes at that rate.

Owns the window: what passed before it counts no more, such as the megabytes that the system takes at once for an upload
and sends later. Must not read the clock.
"""

from collections import deque
from typing import Final

from dvx.cli.render import format_duration
from dvx.core.sizes import format_size

_WINDOW_S: Final = 8.0
_SAMPLE_S: Final = 0.2


class MovingRate:
    """Bytes in a second over the last seconds. Times are of one clock, in seconds."""

    def __init__(self, now_s: float) -> None:
        """Nothing has passed yet."""
        # Times with the bytes that had passed by then; the first is the start of the window, or just before it.
        self._samples = deque([(now_s, 0)])

    def add(self, now_s: float, size_bytes: int) -> None:
        """Note that `size_bytes` have passed since the start."""
        if now_s - self._samples[-1][0] >= _SAMPLE_S:
            self._samples.append((now_s, size_bytes))
        while len(self._samples) > 1 and self._samples[1][0] <= now_s - _WINDOW_S:
            self._samples.popleft()

    def per_second(self, now_s: float, size_bytes: int) -> float:
        """The rate when `size_bytes` have passed; 0 where that cannot be told."""
        start_s, start_bytes = self._samples[0]
        elapsed_s = now_s - start_s
        return max(0.0, (size_bytes - start_bytes) / elapsed_s) if elapsed_s > 0 else 0.0

    def text(self, now_s: float, size_bytes: int, *, total_bytes: int | None) -> str:
        """`6.00 MB/s`, with `, 41 s left` where the total is known and something passes."""
        rate = self.per_second(now_s, size_bytes)
        text = f"{format_size(int(rate))}/s"
        if not total_bytes or rate < 1 or size_bytes >= total_bytes:
            return text
        return f"{text}, {format_duration((total_bytes - size_bytes) / rate)} left"
