"""State that outlives a request, behind small protocols; here, in this process's memory."""
