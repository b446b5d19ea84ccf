"""`python -m phototag`."""

from phototag.cli import main

main()
