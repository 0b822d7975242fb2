"""`python -m dvx`: the same as the `dvx` command."""

from dvx.cli.main import main

if __name__ == "__main__":
    main()
