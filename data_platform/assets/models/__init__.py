"""The dbt project in the platform: sources laid out, marts published, tests as checks."""
