"""The paper's statements, one file each, with the routes by which they are decided."""
