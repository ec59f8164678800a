"""The only room that opens DuckDB or touches the data root."""
