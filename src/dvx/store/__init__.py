"""store: chunks, packs and placements over a backend."""
