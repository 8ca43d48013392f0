"""What we hold: position, average cost, profit, fees, funding, the trading day."""
