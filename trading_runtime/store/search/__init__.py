"""Search over log lines wherever they stand: live, sealed, compressed, Parquet, archived."""
