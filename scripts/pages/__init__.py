"""The pages of this project: which there are, running what they show, and writing it anew. Not part of dvx."""
