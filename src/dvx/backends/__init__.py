"""backends: keys and bytes in one kind of place; knows nothing of chunks, packs or Git."""
