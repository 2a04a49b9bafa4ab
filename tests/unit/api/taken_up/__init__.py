"""The stage for runs that are cut and taken up again, and the judge of what came of them."""
