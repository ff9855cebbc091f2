"""The model registry: what every provider is called, where it lives, and what its models can do and cost."""

from wye.catalog.errors import CatalogError
from wye.catalog.loader import load
from wye.catalog.registry import Catalog, capability_name

__all__ = ["Catalog", "CatalogError", "capability_name", "load"]
