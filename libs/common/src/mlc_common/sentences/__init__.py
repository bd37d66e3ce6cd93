"""The sentences of the catalogue, by what they are about. Pure."""
