"""One training, as it goes: `dvx.live`.

Owns when the files are written and by which process. Must not know their spelling, nor any framework.
"""

import atexit
import json
import os
import threading
import time
import warnings
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final, Self

from dvx.core.errors import DvxError, LocalDiskError
from dvx.disk.atomic import disk_errors, write_atomic
from dvx.training.documents import check_extension, format_tree, merged, plain_tree
from dvx.training.history import STEP, HistoryFile
from dvx.training.values import Plain, flat_values

# The latest metrics are a file of their own, written whole: 0.24 ms each, too much for thousands of steps a second.
SUMMARY_EVERY_S: Final = 1.0
# Steps kept in memory while the disk refuses them: 60 MB at ten metrics a step.
MAX_WAITING_ROWS: Final = 100_000
_HISTORY_ENDINGS: Final = (".csv", ".jsonl", ".ndjson")
_PARAMS_ENDINGS: Final = (".json", ".yaml", ".yml")


def live(
    metrics: str | os.PathLike[str] = "metrics.json",
    *,
    params: str | os.PathLike[str] | None = None,
    history: str | os.PathLike[str] | None = None,
    resume: bool = False,
    rank: int | None = None,
) -> "LiveRun":
    """Record a training in files, while it runs. Use it as a context manager, or call `close` at the end.

    `metrics` is the JSON file of the latest value of each metric. Beside it are `params` (default: `params.json`; a
    name in `.yaml` gives YAML) and `history`, the metrics of every step (default: the name of `metrics` with `.csv`; a
    name in `.jsonl` gives lines of JSON). The files of an earlier run are replaced, or with `resume` taken up.

    Of several processes only the one of rank 0 writes; `rank` is by default the environment's RANK, which torchrun and
    the like set. In the others, and in processes forked from the one that called this, all methods do nothing. Methods
    may be called from several threads.

    Raises UsageError for names of unknown form, LocalDiskError where the folder cannot be written.
    """
    metrics_path = check_extension(os.fspath(metrics), (".json",), "the latest metrics")
    folder = os.path.dirname(metrics_path)
    return LiveRun(
        metrics_path,
        params_path=check_extension(
            os.fspath(params or os.path.join(folder, "params.json")), _PARAMS_ENDINGS, "parameters"
        ),
        history_path=check_extension(
            os.fspath(history or os.path.splitext(metrics_path)[0] + ".csv"), _HISTORY_ENDINGS, "steps"
        ),
        resume=resume,
        is_writer=(_rank_of_environment() if rank is None else rank) == 0,
    )


class LiveRun:
    """The files of one training. Made by `live`, which says how they behave."""

    def __init__(
        self, metrics_path: str, *, params_path: str, history_path: str, resume: bool, is_writer: bool
    ) -> None:
        self._metrics_path = os.path.abspath(metrics_path)
        self._params_path = os.path.abspath(params_path)
        self._lock = threading.Lock()
        self._process = os.getpid() if is_writer else None
        self._params: dict[str, Any] = {}
        self._latest: dict[str, Plain] = {}
        self._waiting: list[dict[str, Plain]] = []
        self._next_step = 0
        # Steps of the earlier run that this one will repeat are taken away with its first step.
        self._is_taken_up = resume
        self._summary_at_s = -SUMMARY_EVERY_S
        self._is_summary_due = False
        self._has_warned = False
        if is_writer:
            # Trainings change their folder; the files stay where they were named.
            self._start(os.path.abspath(history_path), resume=resume)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.close()
        except DvxError:
            if error is None:  # what ended the training is what the person wants to see
                raise

    @property
    def is_writer(self) -> bool:
        """Whether this process is the one that writes."""
        return self._process == os.getpid()

    def params(self, values: Mapping[str, object] | None = None, /, **named: object) -> None:
        """Record parameters, nested as they are; earlier ones stay. The file is written at once.

        Raises UsageError for a value that is no scalar and no list of scalars, LocalDiskError.
        """
        added = plain_tree({**(values or {}), **named})
        if not self.is_writer:
            return
        with self._lock:
            self._params = merged(self._params, added)
            write_atomic(self._params_path, format_tree(self._params, self._params_path), durable=False)

    def log(
        self,
        values: Mapping[str, object] | None = None,
        /,
        *,
        step: object | None = None,
        **named: object,
    ) -> None:
        """Record metrics of one step (default: one more than the last). Scalars of numpy and torch are fine.

        The row is in the history when this returns; the file of the latest metrics follows within a second, and at
        `close`. Where the disk refuses, the training goes on: this warns once, keeps the rows and tries again.
        Raises UsageError for a value that is not one number.
        """
        row = dict(flat_values({**(values or {}), **named}))
        at = None if step is None else int(step)  # type: ignore[call-overload]
        if not self.is_writer or not row:
            return
        with self._lock:
            self._add({STEP: self._next_step if at is None else at, **row})
            try:
                self._write_waiting()
                if time.monotonic() - self._summary_at_s >= SUMMARY_EVERY_S:
                    self._write_summary()
            except LocalDiskError as error:
                self._warn(error)

    def metrics(self, values: Mapping[str, object] | None = None, /, **named: object) -> None:
        """Record metrics that belong to no step, such as those of the final test. Errors are those of `params`."""
        added = dict(flat_values({**(values or {}), **named}))
        if not self.is_writer:
            return
        with self._lock:
            self._latest |= added
            self._write_summary()

    def close(self) -> None:
        """Write what is not written yet. May be called again; runs by itself when Python ends.

        Raises LocalDiskError where rows could not be written.
        """
        if not self.is_writer:
            return
        atexit.unregister(self._close_at_exit)
        with self._lock:
            self._write_waiting()
            if self._is_summary_due:
                self._write_summary()

    def keras_callback(self) -> Any:
        """A callback for Keras (`model.fit(…, callbacks=[run.keras_callback()])`): one step for each epoch."""
        from dvx.training.callbacks import keras_callback  # frameworks, only where asked for

        return keras_callback(self)

    def lightning_callback(self) -> Any:
        """A callback for PyTorch Lightning (`Trainer(callbacks=[…])`): what was logged, after each epoch."""
        from dvx.training.callbacks import lightning_callback

        return lightning_callback(self)

    def transformers_callback(self) -> Any:
        """A callback for Hugging Face Transformers (`Trainer(…, callbacks=[…])`): everything the trainer logs."""
        from dvx.training.callbacks import transformers_callback

        return transformers_callback(self)

    def _start(self, history_path: str, *, resume: bool) -> None:
        for path in (self._metrics_path, self._params_path, history_path):
            with disk_errors(path, "write"):
                os.makedirs(os.path.dirname(path) or os.curdir, exist_ok=True)
        self._history = HistoryFile(history_path, resume=resume)
        if resume:
            self._latest = dict(flat_values(_json_table(self._metrics_path)))
            self._params = _json_table(self._params_path)
            last = self._history.last_step()
            self._next_step = 0 if last is None else last + 1
        else:
            # Results of the earlier run beside the parameters of this one would be a false statement.
            write_atomic(self._metrics_path, b"{}\n", durable=False)
        atexit.register(self._close_at_exit)

    def _add(self, row: dict[str, Plain]) -> None:
        step = row[STEP]
        assert isinstance(step, int)
        self._next_step = step + 1
        self._latest |= row
        self._is_summary_due = True
        if len(self._waiting) < MAX_WAITING_ROWS:
            self._waiting.append(row)

    def _write_waiting(self) -> None:
        if self._is_taken_up and self._waiting:
            self._history.drop_from(min(int(row[STEP]) for row in self._waiting))
            self._is_taken_up = False
        if self._waiting:
            self._history.append(self._waiting)
            self._waiting = []

    def _write_summary(self) -> None:
        write_atomic(self._metrics_path, format_tree(self._latest, self._metrics_path), durable=False)
        self._summary_at_s = time.monotonic()
        self._is_summary_due = False

    def _warn(self, error: LocalDiskError) -> None:
        if not self._has_warned:
            self._has_warned = True
            warnings.warn(f"dvx.live: {error.what}; the training goes on, rows are kept", stacklevel=3)

    def _close_at_exit(self) -> None:
        try:
            self.close()
        except LocalDiskError as error:
            warnings.warn(f"dvx.live: {error.what}", stacklevel=1)


def _rank_of_environment() -> int:
    text = os.environ.get("RANK", "")
    return int(text) if text.isdigit() else 0


def _json_table(path: str) -> dict[str, Any]:
    """The table in a JSON file of an earlier run; nothing where there is none, or another form."""
    try:
        with open(path, encoding="utf-8") as file:
            table = json.load(file)
    except (OSError, ValueError):
        return {}
    return table if isinstance(table, dict) else {}
