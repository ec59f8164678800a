"""What a report says, before it is drawn: figures read from the release, comparisons, and findings.

No drawing here, and no wording that a truth condition does not cover.
"""
