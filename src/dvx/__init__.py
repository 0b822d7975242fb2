"""dvx: Git-native versioning of large data and models on plain object storage."""

__version__ = "0.1.0"

# Type checkers take it for true. Not from `typing`: `dvx --version` would import that for nothing else.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from dvx.training.run import live as live


def __getattr__(name: str) -> object:
    """`dvx.live` comes in when it is used, so that `import dvx` stays free of it (20 ms)."""
    if name == "live":
        from dvx.training.run import live

        return live
    raise AttributeError(f"module 'dvx' has no attribute {name!r}")
