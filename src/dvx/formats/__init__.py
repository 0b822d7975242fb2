"""formats: pure codecs between bytes and frozen dataclasses."""
