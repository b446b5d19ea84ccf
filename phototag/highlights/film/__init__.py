"""The film: frames, motion, music and encoding."""
