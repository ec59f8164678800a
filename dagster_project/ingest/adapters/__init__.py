"""Platforms' own records to the canonical columns of a feed, as SQL over whole batches, ahead of typing.

`expressions` are the functions a mapping may use, `native_sql` turns a native contract into one statement. A module
named by a contract's `adapter` opens up records whose shape a path cannot reach: it offers `unwrap(record)`, the SQL of
the record as a JSON object. Typing, reasons and merge are those of every other file.
"""
