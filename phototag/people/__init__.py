"""Grouping faces into persons. Pure: numbers in, numbers out; NumPy alone."""
