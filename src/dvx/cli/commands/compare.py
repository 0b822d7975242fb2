"""`dvx compare`."""

from dvx.cli.comparison_command import comparison_command

_HELP = """Set data, parameters and metrics of versions side by side, with what changed from the first.

With one REV: that and the workspace. `A..B` is A and B, `A...B` is B and where it branched off from A. Whether a
metric got better comes from `[metrics.direction]` in `.dvx/config.toml`, or from its name.

\b
Examples:
  dvx compare v1 v2
  dvx compare --md origin/main...HEAD
  dvx compare try-1 try-2 try-3 -- models/net.bin
"""

compare = comparison_command(
    "compare", kinds=["data", "params", "metrics"], most=20, document="compare", title="Comparison", help_text=_HELP,
    needs_revision=True,
)  # fmt: skip
