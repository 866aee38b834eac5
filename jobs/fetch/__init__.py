"""Getting source files: an exact plan of what a hub serves, and its download."""
