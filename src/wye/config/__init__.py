"""Settings: read from the command line, the environment and one file, checked whole, and then never changed."""

from wye.config.loader import Settings, load_settings
from wye.config.sections import Loaded, ProviderSettings, ServerConfig

__all__ = ["Loaded", "ProviderSettings", "ServerConfig", "Settings", "load_settings"]
