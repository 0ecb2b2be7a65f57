"""Where unlabelled images are: folders, archives (zip, tar, Parquet), and object stores."""
