"""The `[identity]` section."""

from msgspec import Struct

from wye.core.secret import Secret


class IdentityConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What users may bring along, and admins add while the gateway runs.

    `secret_key` encrypts what they do; it is `WYE_SECRET_KEY` in the environment, several with commas between them, of
    which the first encrypts. `charge_own_keys` has budgets charged also for what went out with a user's own key.
    `private_endpoints` lets users' own models, and providers that are added over the API, be at private addresses,
    which are refused otherwise.
    """

    secret_key: Secret | None = None
    charge_own_keys: bool = False
    private_endpoints: bool = False
