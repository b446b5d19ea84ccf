"""phototag: looks at every photo on a person's own machine and answers questions about them."""

__version__ = "0.1.0"
