"""With this folder on PYTHONPATH, every Python process knows the taggers of tests/engines/taggers.py: the
actors of a cluster too, which are started by Ray."""

from tests.engines.taggers import register

register()
