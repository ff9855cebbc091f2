"""`python -m wye`."""

from wye.cli import main

main()
