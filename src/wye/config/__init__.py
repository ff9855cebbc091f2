"""Settings: read from the command line, the environment and one file, checked whole, and then never changed."""

from wye.config.loader import load_settings
from wye.config.sections import ModelSettings, ProviderSettings, ServerConfig, Settings

__all__ = ["ModelSettings", "ProviderSettings", "ServerConfig", "Settings", "load_settings"]
