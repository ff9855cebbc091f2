"""What else models are good for: titles of conversations, checks of data sets, judgements of answers."""
