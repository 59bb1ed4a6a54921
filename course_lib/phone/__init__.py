"""The phone page, from networks and photos to a folder that any web server can give."""
