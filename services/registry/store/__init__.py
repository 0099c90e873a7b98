"""The registry's tables, one module each. Every function works inside the caller's transaction."""
