"""What a venue tells of our orders and our account, whichever way it came."""

from trading_runtime.account.reports import AccountReport
from trading_runtime.oms.reports import Funded, OrderReport, TableReport

Told = OrderReport | TableReport | AccountReport | Funded
