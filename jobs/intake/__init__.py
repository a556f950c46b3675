"""Reading what people hand in: feeds, rights holders' files, listings, folders and archives. All of it is hostile."""
