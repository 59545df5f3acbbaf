"""Networks as plain torch modules, their counts, and their sizes for a given budget."""
