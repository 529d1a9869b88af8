"""How fast the library is, next to others, on one machine in one run: see README.md."""
