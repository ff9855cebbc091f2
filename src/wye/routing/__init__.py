"""The planner: pure functions from a request's name for a model to the places it may go."""
