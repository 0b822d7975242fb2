"""The contract against MemoryBackend, plain and behind retries with faults."""

import pytest

from dvx.backends.backend import Backend
from dvx.backends.memory import MemoryBackend
from dvx.backends.retrying import RetryingBackend
from dvx.testing.contract import BackendContract
from dvx.testing.faults import Effect, Fault, FaultyBackend


class TestMemoryBackend(BackendContract):
    @pytest.fixture
    def backend(self) -> Backend:
        return MemoryBackend()


class TestMemoryBackendWithFailuresBehindRetries(BackendContract):
    """Every third call fails before it is done, every seventh after it."""

    @pytest.fixture
    def backend(self) -> Backend:
        failures = [Fault("any", call, Effect.ERROR) for call in range(1, 3000, 3)]
        losses = [Fault("any", call, Effect.LOST_RESPONSE) for call in range(2, 3000, 7)]
        return RetryingBackend(
            FaultyBackend(MemoryBackend(), [*failures, *losses]), deadline_s=60, sleep=lambda _: None
        )


class TestMemoryBackendWithThrottlingBehindRetries(BackendContract):
    @pytest.fixture
    def backend(self) -> Backend:
        faults = [Fault("any", call, Effect.ERROR, throttled=True) for call in range(1, 3000, 2)]
        return RetryingBackend(FaultyBackend(MemoryBackend(), faults), deadline_s=60, sleep=lambda _: None)
