"""`attrgen serve`: a set edited in the browser, with the findings beside each text."""
