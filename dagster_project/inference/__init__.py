"""Pure statistics: frames of counts go in, estimates with intervals and a status come out.

Nothing here reads a file, a table or the clock. SQL has counted everything before; what belongs here is uncertainty.
"""
