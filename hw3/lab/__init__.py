"""The book's experiments: declared, run once, stored, compared, shown."""
