"""The only outbound I/O: the HTTP client with its pools and timeouts, the framing of streams, the address guard."""
