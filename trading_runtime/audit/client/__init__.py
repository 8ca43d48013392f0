"""What a service writes its audit entries with: never blocking, never losing one silently."""
