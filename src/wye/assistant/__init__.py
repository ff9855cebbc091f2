"""What is built on the engine: tools that models may call, and the loop that runs them."""
