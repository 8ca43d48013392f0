"""Listen keys of usdm: one an account, an hour from its last renewal, shared by all its clients."""

import secrets

from trading_runtime.simulator.exchange.words import AccountNumber, VenueError
from trading_runtime.simulator.server.channels import Audience

KEY_BYTES = 32


class ListenKey:
    """The key's text, when it expires, and who listens under it."""

    __slots__ = ("account", "audience", "expires_ms", "text")

    def __init__(self, account: AccountNumber, expires_ms: int) -> None:
        self.account = account
        self.text = secrets.token_hex(KEY_BYTES)
        self.expires_ms = expires_ms
        self.audience = Audience(self.text)


class ListenKeys:
    """``life_ms`` is how long a key lives from its making or its last renewal."""

    __slots__ = ("_by_account", "_by_text", "life_ms")

    def __init__(self, life_ms: int) -> None:
        self.life_ms = life_ms
        self._by_account: dict[AccountNumber, ListenKey] = {}
        self._by_text: dict[str, ListenKey] = {}

    def start(self, account: AccountNumber, now_ms: int) -> ListenKey:
        """Give the account's key, a new one or the one there is, for another life."""
        key = self._by_account.get(account)
        if key is None:
            key = ListenKey(account, 0)
            self._by_account[account] = self._by_text[key.text] = key
        key.expires_ms = now_ms + self.life_ms
        return key

    def renew(self, account: AccountNumber, now_ms: int) -> ListenKey:
        """Give the account's key another life; refuse when there is none (-1125)."""
        if account not in self._by_account:
            raise VenueError(
                -1125,
                "This listenKey does not exist. Please use `POST /fapi/v1/listenKey` to "
                "recreate listenKey and renew its validity.",
            )
        return self.start(account, now_ms)

    def drop(self, account: AccountNumber) -> None:
        """End the account's key: its streams go silent."""
        key = self._by_account.pop(account, None)
        if key is not None:
            del self._by_text[key.text]

    def find(self, text: str) -> ListenKey | None:
        return self._by_text.get(text)

    def of(self, account: AccountNumber) -> ListenKey | None:
        return self._by_account.get(account)

    def expired(self, now_ms: int) -> list[ListenKey]:
        """End and give the keys whose time is up."""
        ended = [key for key in self._by_account.values() if key.expires_ms <= now_ms]
        for key in ended:
            self.drop(key.account)
        return ended
