"""What is told to the outside about what happens here."""
