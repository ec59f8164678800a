"""The executive page: can the figures be trusted, how is it going, and what needs a decision."""
