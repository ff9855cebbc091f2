"""The client's side of the wire: pure functions that read a request and write an answer, a stream or an error."""
