"""The phantoms: pictures that evalkit draws itself, and questions whose answers follow from the drawing."""
