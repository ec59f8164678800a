"""The reports, one module each, exposing one `REPORT`. The registry finds them by that name."""
