"""The weights of the nets: which there are, where they lie, and that they are what they should be."""
