"""Callbacks against stand-ins of the frameworks, with the hooks and arguments that the frameworks document."""

import json
import sys
from enum import Enum
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

import dvx
from dvx.core.errors import UsageError


class _Tensor:
    def __init__(self, *values: float) -> None:
        self._values = values

    def item(self) -> float:
        if len(self._values) != 1:
            raise RuntimeError("only one element tensors can be converted")
        return self._values[0]


@pytest.fixture(autouse=True)
def _in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RANK", raising=False)


def _install(monkeypatch: pytest.MonkeyPatch, name: str, **members: object) -> None:
    parts = name.split(".")
    for end in range(1, len(parts) + 1):
        monkeypatch.setitem(sys.modules, ".".join(parts[:end]), ModuleType(".".join(parts[:end])))
    sys.modules[name].__dict__.update(members)


def _remove(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    for name in names:
        monkeypatch.setitem(sys.modules, name, None)


class Callback:
    """What Keras and Lightning derive from."""


class TrainerCallback:
    """What Transformers derives from."""


class _Schedule(str, Enum):  # noqa: UP042 - as transformers has it
    LINEAR = "linear"


def _history() -> list[dict]:
    return [json.loads(line) for line in Path("metrics.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("module", ["keras.callbacks", "tensorflow.keras.callbacks"])
def test_keras_gives_the_logs_of_each_epoch(monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    _remove(monkeypatch, "keras", "keras.callbacks")
    _install(monkeypatch, module, Callback=Callback)
    with dvx.live(history="metrics.jsonl") as run:
        callback = run.keras_callback()
        assert isinstance(callback, Callback)
        callback.on_epoch_end(0, {"loss": _Tensor(0.5), "val_loss": 0.75})
        callback.on_epoch_end(1, None)
        callback.on_epoch_end(2, {"loss": 0.25})
    assert _history() == [{"step": 0, "loss": 0.5, "val_loss": 0.75}, {"step": 2, "loss": 0.25}]


@pytest.mark.parametrize("module", ["lightning.pytorch.callbacks", "pytorch_lightning.callbacks"])
def test_lightning_gives_hyperparameters_metrics_and_the_test(
    monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    _remove(monkeypatch, "lightning", "lightning.pytorch", "lightning.pytorch.callbacks")
    _install(monkeypatch, module, Callback=Callback)
    trainer = SimpleNamespace(is_global_zero=True, global_step=10, callback_metrics={"loss": _Tensor(0.5)})
    module_of_model = SimpleNamespace(hparams={"lr": 0.1, "net": object()})
    with dvx.live(history="metrics.jsonl") as run:
        callback = run.lightning_callback()
        assert isinstance(callback, Callback)
        callback.on_fit_start(trainer, module_of_model)
        callback.on_train_epoch_end(trainer, module_of_model)
        trainer.is_global_zero, trainer.global_step = False, 20
        callback.on_train_epoch_end(trainer, module_of_model)
        trainer.is_global_zero, trainer.callback_metrics = (
            True,
            {"test_acc": _Tensor(0.9), "all": _Tensor(1, 2)},
        )
        callback.on_test_end(trainer, module_of_model)
    assert _history() == [{"step": 10, "loss": 0.5}]
    assert json.loads(Path("params.json").read_text()) == {"lr": 0.1}
    assert json.loads(Path("metrics.json").read_text()) == {"step": 10, "loss": 0.5, "test_acc": 0.9}


def test_transformers_gives_arguments_and_every_log(monkeypatch: pytest.MonkeyPatch) -> None:
    _install(monkeypatch, "transformers", TrainerCallback=TrainerCallback)
    args = SimpleNamespace(learning_rate=5e-5, seed=42, lr_scheduler_type=_Schedule.LINEAR, output_dir="out")
    state = SimpleNamespace(is_world_process_zero=True, global_step=500)
    with dvx.live(history="metrics.jsonl") as run:
        callback = run.transformers_callback()
        assert isinstance(callback, TrainerCallback)
        callback.on_train_begin(args, state, None, model=object())
        callback.on_log(args, state, None, logs={"loss": 0.5, "epoch": 1.0}, model=object())
        state.is_world_process_zero = False
        callback.on_log(args, state, None, logs={"loss": 9.0})
    assert _history() == [{"step": 500, "loss": 0.5, "epoch": 1.0}]
    assert json.loads(Path("params.json").read_text()) == {
        "learning_rate": 5e-5, "lr_scheduler_type": "linear", "seed": 42,
    }  # fmt: skip


def test_a_framework_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    _remove(monkeypatch, "transformers")
    with dvx.live() as run, pytest.raises(UsageError, match="`transformers` is not installed") as refused:
        run.transformers_callback()
    assert refused.value.hints == ("`pip install transformers`",)
