"""Which way a metric gets better."""

import pytest

from dvx.ops.directions import Direction, Directions


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("loss", Direction.LOWER),
        ("metrics.val.loss", Direction.LOWER),
        ("val_loss", Direction.LOWER),
        ("valLoss", Direction.LOWER),
        ("train/error", Direction.LOWER),
        ("perplexity", Direction.LOWER),
        ("rmse", Direction.LOWER),
        ("wer", Direction.LOWER),
        ("acc", Direction.HIGHER),
        ("eval_accuracy", Direction.HIGHER),
        ("accuracy_loss", Direction.LOWER),
        ("f1", Direction.HIGHER),
        ("macro-F1", Direction.HIGHER),
        ("rouge2", Direction.HIGHER),
        ("ndcg@10", Direction.HIGHER),
        ("r2", Direction.HIGHER),
        ("mAP", Direction.HIGHER),
        ("map50", Direction.HIGHER),
        ("seconds", None),
        ("accordion", None),
        ("blossom", None),
        ("", None),
    ],
)
def test_the_words_of_a_name_tell(name: str, expected: Direction | None) -> None:
    assert Directions().of(name) is expected


def test_the_configuration_counts_before_the_name() -> None:
    directions = Directions({"val.loss": "higher", "latency": "lower", "acc": "none"})
    assert directions.of("metrics.val.loss") is Direction.HIGHER
    assert directions.of("p99.latency") is Direction.LOWER
    assert directions.of("acc") is None
    assert directions.of("train.loss") is Direction.LOWER
