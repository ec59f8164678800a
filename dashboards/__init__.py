"""Drawing only: reads one pinned release file and turns it into reports.

What belongs here: reading the release (`published`), the one record of figures (`figures`), charts
(`charts`), the parts of a page (`blocks`), the reports themselves (`reports`), and rendering and writing
them (`render`, `deliver`). What does not: counting, estimating, or anything of `dagster_project`.
"""
