"""The parts a page is made of. A module here turns figures into one `Block`; its look is in `templates`."""
