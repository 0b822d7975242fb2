"""ops: one use case per module: plan, run, result."""
