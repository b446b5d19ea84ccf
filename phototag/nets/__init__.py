"""The neural networks: the only home of torch beside `taggers/`. Imports nothing heavy here."""
