"""Tells people: a notification per alarm and channel, limited per patient, never dropped."""
