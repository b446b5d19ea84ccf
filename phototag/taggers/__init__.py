"""Taggers: a batch of frames in, tags out. `table` lists them; each has a file of its own."""
