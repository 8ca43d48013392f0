"""The cold copy: entries by block, as bundles and as Parquet, in an archive of objects."""
