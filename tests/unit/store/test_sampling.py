"""store.sampling: how many chunks, and which."""

import pytest

from dvx.store.sampling import Sample


@pytest.mark.parametrize(
    ("chunks", "share", "available", "taken"),
    [
        (5, 0.0, 100, 5),
        (5, 0.0, 3, 3),
        (None, 0.01, 1000, 10),
        (None, 0.01, 10, 1),
        (None, 1.0, 7, 7),
        (None, 0.5, 0, 0),
    ],
)
def test_size_of_a_sample_is_at_least_one_and_at_most_all(chunks, share, available, taken):
    assert Sample(chunks, share, 0).size(available) == taken
