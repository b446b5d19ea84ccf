"""Whose face it is, as 128 numbers: alike for two pictures of one person, apart for two persons."""
