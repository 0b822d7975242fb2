"""repo: one Git working tree: configuration, pointers, ignore rules, caches."""
