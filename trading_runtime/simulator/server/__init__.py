"""The venue simulator's wire: REST, WebSocket API and streams over the simulated exchange."""
