"""The images of the course: built-in sets, photos in a folder, arrays; `data` is the door."""
