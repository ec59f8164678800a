"""Vocabulary without I/O: errors, time windows and money in integer minor units."""
