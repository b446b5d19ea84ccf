"""The only door to the database."""

from phototag.library.library import Library

__all__ = ["Library"]
