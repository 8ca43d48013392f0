"""The process that watches the record for what nobody may do to it."""
