"""The query language: terms, their parser and the vocabulary. Pure; standard library only."""
