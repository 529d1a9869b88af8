"""Programs to run: ``python -m demos.vanishing``, ``python -m demos.scalar``."""
