"""phototag: looks at every photo on a person's own machine and answers questions about them."""

__version__ = "0.1.0"


def __getattr__(name: str):
    """`from phototag import Library`, without loading a database library for those who do not ask."""
    if name == "Library":
        from phototag.library import Library

        return Library
    raise AttributeError(f"module 'phototag' has no attribute {name!r}")
