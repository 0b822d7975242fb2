"""dvx: Git-native versioning of large data and models on plain object storage."""

__version__ = "0.1.0"
