"""Takes in one small world of all feeds again and again while processes are killed and I/O calls fail.

`world` and `native_files` write the files and know every row in them, `oracle` says in plain Python what must be in the
warehouse, `door` takes the files in, `shim` kills or fails at a chosen I/O call, `observation` reads what is there,
`trials` puts these together, `plan` and `__main__` run many of them.
"""
