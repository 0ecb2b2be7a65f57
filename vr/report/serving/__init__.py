"""`vr serve`: a run behind a page on this computer, on which a person drops images."""
