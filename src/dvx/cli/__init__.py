"""cli: the only layer that prints, prompts, and reads arguments."""
