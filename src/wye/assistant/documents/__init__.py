"""What users upload to be searched: read apart from everything else, cut into passages, found again with citations."""
