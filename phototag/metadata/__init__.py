"""What people and other programs wrote about photos, inside the files and beside them."""
