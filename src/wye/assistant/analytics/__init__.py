"""Tools over the books: each answers from `wye.insights`, for what its caller may see, as a table with units."""
