"""Steps from one shape of the tables to the next, forward only; each file is one, in the order of their numbers."""
