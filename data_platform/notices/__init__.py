"""What the platform tells people: reports and alarms, by mail and Telegram, with their outcome."""
