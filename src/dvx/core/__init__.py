"""core: the vocabulary every other layer speaks; opens no file."""
