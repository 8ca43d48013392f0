"""Who the platform's mail is from and to."""

import dagster as dg


class Post(dg.ConfigurableResource[None]):  # type: ignore[explicit-any]  # Dagster's base
    sender: str = "tapedeck@localhost"
    recipient: str = "desk@localhost"
