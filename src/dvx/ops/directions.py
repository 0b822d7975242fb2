"""Which way a metric gets better: what the configuration says, else what its name tells.

Owns the words. Must not read values.
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from dvx.repo.config import Config
from dvx.repo.settings import DIRECTION_PREFIX

_LOWER: Final = frozenset(
    {
        "loss",
        "error",
        "err",
        "perplexity",
        "ppl",
        "mae",
        "mse",
        "rmse",
        "mape",
        "wer",
        "cer",
        "nll",
        "eer",
        "fid",
    }
)
_HIGHER: Final = frozenset(
    {
        "acc", "accuracy", "f1", "auc", "auroc", "bleu", "rouge", "precision", "recall", "map", "ndcg", "r2", "iou",
        "dice", "psnr", "ssim", "mrr", "kappa",
    }
)  # fmt: skip
_WORD: Final = re.compile(r"[a-z]+[0-9]?|[0-9]+")
_SMALL_TO_LARGE: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


class Direction(StrEnum):
    """Which of two values of a metric is the better one."""

    LOWER = "lower"
    HIGHER = "higher"


class Directions:
    """Answers for the metrics of one repository."""

    def __init__(self, configured: Mapping[str, str] | None = None) -> None:
        """`configured` are directions by name without `metrics.`."""
        self._configured = dict(configured or {})

    @staticmethod
    def of_config(config: Config) -> "Directions":
        """Those that `[metrics.direction]` sets."""
        found = {
            key.removeprefix(DIRECTION_PREFIX): str(value)
            for key, value in config.values.items()
            if key.startswith(DIRECTION_PREFIX)
        }
        return Directions(found)

    def of(self, name: str) -> Direction | None:
        """The direction of a metric, named with or without `metrics.`; None where nothing tells.

        The setting for the whole name counts first, then the one for its last part. Of the words of a name the last
        known one counts: `val.acc_loss` is a loss.
        """
        plain = name.removeprefix("metrics.")
        said = self._configured.get(plain) or self._configured.get(plain.rpartition(".")[2])
        if said is not None:
            return Direction(said) if said != "none" else None
        # `mAP` is a word of its own, `valLoss` is two.
        words = [*_WORD.findall(plain.lower()), *_WORD.findall(_SMALL_TO_LARGE.sub("_", plain).lower())]
        for word in reversed(words):
            for known in (word, word.rstrip("0123456789")):
                if known in _LOWER or known in _HIGHER:
                    return Direction.LOWER if known in _LOWER else Direction.HIGHER
        return None
