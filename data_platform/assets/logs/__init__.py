"""Sealed JSON lines into typed Parquet, hour by hour."""
