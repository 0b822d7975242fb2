"""`trainer_state.json` of Hugging Face Transformers: what a training said at each step, and the best of it.

Owns which of its fields are values. Format: `transformers.TrainerState`.
"""

from collections.abc import Mapping
from typing import Final, TypeGuard

from dvx.repo.value_rows import Series, last_values, series_of_rows

_RESULTS: Final = ("best_metric", "best_model_checkpoint", "best_global_step", "epoch", "global_step")
_LOG: Final = "log_history"


def is_trainer_state(found: object) -> TypeGuard[Mapping[object, object]]:
    """Whether a JSON document is the state of a trainer."""
    return isinstance(found, Mapping) and isinstance(found.get(_LOG), list) and "global_step" in found


def trainer_series(state: Mapping[object, object], name: str) -> Series:
    """The log, one row for each entry."""
    log = state[_LOG]
    return series_of_rows(log if isinstance(log, list) else [], name)


def trainer_values(state: Mapping[object, object], name: str, *, with_settings: bool) -> dict[object, object]:
    """The last logged value of each metric, and the best one; `with_settings` adds all other fields of the state."""
    found = last_values(trainer_series(state, name), step=None, name=name)
    found.pop("step", None)
    if with_settings:
        found |= {key: value for key, value in state.items() if key != _LOG}
    return found | {key: state[key] for key in _RESULTS if state.get(key) is not None}
