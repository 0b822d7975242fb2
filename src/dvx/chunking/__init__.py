"""chunking: pure compute: cut points and chunk codecs."""
