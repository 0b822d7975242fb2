"""Callbacks that hand what a framework logs to a run of `dvx.live`.

Owns one class for each framework, made when it is asked for, so that none of them is a dependency. Must not record
anything on its own. Each follows the documented hooks: `keras.callbacks.Callback`, `lightning.pytorch.Callback`,
`transformers.TrainerCallback`.
"""

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any, Final, Protocol

from dvx.core.errors import UsageError
from dvx.training.values import check_name, plain_value

# Of the hundred arguments of a `transformers.Trainer`, those that make runs differ.
_TRAINER_ARGUMENTS: Final = (
    "adam_beta1", "adam_beta2", "bf16", "fp16", "gradient_accumulation_steps", "label_smoothing_factor",
    "learning_rate", "lr_scheduler_type", "max_grad_norm", "max_steps", "num_train_epochs", "optim",
    "per_device_train_batch_size", "seed", "warmup_ratio", "warmup_steps", "weight_decay",
)  # fmt: skip


class Recorder(Protocol):
    """What callbacks need of a run."""

    def params(self, values: Mapping[str, object], /) -> None:
        """Record parameters."""

    def log(self, values: Mapping[str, object], /, *, step: object | None = None) -> None:
        """Record metrics of one step."""

    def metrics(self, values: Mapping[str, object], /) -> None:
        """Record metrics that belong to no step."""


def keras_callback(run: Recorder) -> Any:
    """A `keras.callbacks.Callback`: the logs of each epoch, with the epoch as the step."""
    base: Any = _base_class(["keras.callbacks", "tensorflow.keras.callbacks"], "Callback", package="keras")

    class KerasCallback(base):  # type: ignore[misc]
        def on_epoch_end(self, epoch: int, logs: Mapping[str, object] | None = None) -> None:
            run.log(scalars(logs or {}), step=epoch)

    return KerasCallback()


def lightning_callback(run: Recorder) -> Any:
    """A Lightning `Callback`: hyperparameters of the module, metrics after each epoch and after a test."""
    names = ["lightning.pytorch.callbacks", "pytorch_lightning.callbacks"]
    base: Any = _base_class(names, "Callback", package="lightning")

    class LightningCallback(base):  # type: ignore[misc]
        def on_fit_start(self, trainer: Any, pl_module: Any) -> None:
            if trainer.is_global_zero:
                run.params(scalars(getattr(pl_module, "hparams", {})))

        def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:  # noqa: ARG002
            # Runs after the validation of the epoch, so `callback_metrics` has both.
            if trainer.is_global_zero:
                run.log(scalars(trainer.callback_metrics), step=trainer.global_step)

        def on_test_end(self, trainer: Any, pl_module: Any) -> None:  # noqa: ARG002
            if trainer.is_global_zero:
                run.metrics(scalars(trainer.callback_metrics))

    return LightningCallback()


def transformers_callback(run: Recorder) -> Any:
    """A `transformers.TrainerCallback`: the arguments that make runs differ, and every log of the trainer."""
    base: Any = _base_class(["transformers"], "TrainerCallback", package="transformers")

    class TransformersCallback(base):  # type: ignore[misc]
        def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
            if state.is_world_process_zero:
                found = {name: getattr(args, name) for name in _TRAINER_ARGUMENTS if hasattr(args, name)}
                # Enumerations of transformers are text with a value of their own.
                run.params(scalars({name: getattr(value, "value", value) for name, value in found.items()}))

        def on_log(
            self,
            args: Any,  # noqa: ARG002
            state: Any,
            control: Any,  # noqa: ARG002
            logs: Mapping[str, object] | None = None,
            **_: Any,
        ) -> None:
            if state.is_world_process_zero:
                run.log(scalars(logs or {}), step=state.global_step)

    return TransformersCallback()


def scalars(values: Mapping[str, object]) -> dict[str, object]:
    """Those values that can be recorded: a framework also logs tensors and objects, which are no metrics."""
    found: dict[str, object] = {}
    for key, value in values.items():
        try:
            found[check_name(str(key))] = plain_value(str(key), value)
        except UsageError:
            continue
    return found


def _base_class(modules: Sequence[str], name: str, *, package: str) -> type:
    for module in modules:
        try:
            found = getattr(import_module(module), name)
        except ImportError:
            continue
        assert isinstance(found, type)
        return found
    raise UsageError(
        f"`{package}` is not installed here", hints=[f"`pip install {package}`"], kind="not-installed"
    )
