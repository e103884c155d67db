"""Scripts for those who work on qcore."""
