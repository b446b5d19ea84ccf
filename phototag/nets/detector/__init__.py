"""The compact Faster R-CNN of our own: net, data, training, evaluation. Knows no database. Imports
nothing heavy here."""
