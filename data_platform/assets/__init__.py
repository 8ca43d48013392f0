"""What the platform makes, by domain: a thin Dagster shell beside a pure neighbour."""
