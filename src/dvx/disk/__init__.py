"""disk: the local disk: atomic writes, walking, links, locks."""
