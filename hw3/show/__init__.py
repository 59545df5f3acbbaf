"""What the pages print: pictures, tables, and the words that numbers allow."""
