"""benchmark: what `scripts/bench` runs; not part of the package dvx."""
