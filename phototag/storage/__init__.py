"""Photos that are not on a local disk: how they are named, and the one door to them."""
