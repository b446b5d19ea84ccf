"""A second opinion on what the face detector takes for a face. Knows no database."""
