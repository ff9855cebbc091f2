"""Who asks: virtual keys, users and teams, what they brought along, and who changed what."""
