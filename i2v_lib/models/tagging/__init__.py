"""What stands on the tagger: folders, tag files, new tags."""
