"""What the tests lean on: an imitation provider, the recorded exchanges, and an independent reading of them."""
