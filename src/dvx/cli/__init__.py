"""cli: the only layer that prints, prompts, and reads the command line and the environment."""
