"""Finding photo files and opening them safely as upright frames. Knows no torch, no SQL and no
command line."""
