"""What the catalog knows, handed to other programs: sidecars beside the photos, and documents."""
