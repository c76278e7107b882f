"""Features on disk and in memory: from sound files to the tracks of a split."""
