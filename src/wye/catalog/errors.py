"""The one error of the catalog."""


class CatalogError(ValueError):
    """A catalog row is not valid; the message names the file, the row and the field."""
