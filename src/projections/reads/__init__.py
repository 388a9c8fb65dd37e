"""What can be asked of the views: SQL to read them, and the shapes of the answers. Nothing here opens a
connection: text and parameters go out, fetched rows come in."""
