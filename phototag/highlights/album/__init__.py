"""The album folder: chosen photos, manifest, gallery and contact sheet."""
