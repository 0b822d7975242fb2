"""commands: one module per command: parse, call one use case of dvx.ops, render its result."""
