"""Keeps what users bring along: checks it, encrypts its keys, and writes down who changed what."""

import ipaddress
from typing import Any, Final
from urllib.parse import urlsplit

from msgspec import Struct, UnsetType, structs
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from wye.catalog import Catalog
from wye.catalog.keys import problem_with
from wye.catalog.schema import Provider
from wye.core.caller import Caller
from wye.core.errors import InvalidRequestError, RouteNotFoundError
from wye.core.secret import Secret
from wye.identity.brought import place
from wye.identity.changing import changed
from wye.identity.issuing import new_id
from wye.identity.own import CUSTOM
from wye.identity.vault import Vault
from wye.store import brought as rows
from wye.store.database import now_us
from wye.store.tables import llm_models, provider_keys
from wye.transport.guard import is_public

_MOST: Final = 100
"""Models of one user's own."""


class Keeper(Struct, frozen=True, kw_only=True):
    """What keeping needs: `catalog` without the operator's settings, and whether `private` addresses are welcome."""

    catalog: Catalog
    vault: Vault
    caller: Caller
    private: bool = False
    request_id: str | None = None

    async def create_model(self, connection: AsyncConnection, form: rows.OwnModel, key: str | None) -> rows.OwnModel:
        """Keep a new model; `form` has neither id nor times yet. Raises `InvalidRequestError`, `VaultClosedError`."""
        owner, now = self.caller.user, now_us()
        provider = self._provider(form.provider)
        if len(await rows.models_of(connection, owner)) >= _MOST:
            raise InvalidRequestError(f"there are {_MOST} models of your own already", code="too_many")
        row = structs.replace(form, id=new_id("model"), user_id=owner, created_at=now, updated_at=now)
        row = structs.replace(row, provider=provider.id if provider is not None else CUSTOM)
        self._check_name(row.name)
        self._check_url(row, provider)
        row = self._with_key(row, provider, key)
        try:
            await rows.add_model(connection, owner, row)
        except IntegrityError:
            raise _taken(row.name) from None
        await self._tell(connection, "create", row.id, after=shown(row))
        return row

    async def update_model(
        self, connection: AsyncConnection, model_id: str, said: dict[str, Any], key: str | UnsetType | None
    ) -> rows.OwnModel:
        """Change a model of the caller's own; another address drops its key. Raises `RouteNotFoundError` as well."""
        before = await self.model(connection, model_id)
        row = structs.replace(before, **said)
        provider = self._provider(row.provider)
        if row.name != before.name:
            self._check_name(row.name)
        self._check_url(row, provider)
        if row.base_url != before.base_url or key is None:
            row = structs.replace(row, api_key=None, masked=None)
        if isinstance(key, str):
            row = self._with_key(row, provider, key)
        names = ("name", "model_id", "base_url", "api_key", "masked", "is_enabled", "config")
        try:
            await rows.change_model(
                connection, self.caller.user, model_id, **{name: getattr(row, name) for name in names}
            )
        except IntegrityError:
            raise _taken(row.name) from None
        await self._tell(connection, "update", model_id, before=shown(before), after=shown(row))
        return await self.model(connection, model_id)

    async def delete_model(self, connection: AsyncConnection, model_id: str) -> None:
        """Forget a model of the caller's own. Raises `RouteNotFoundError`."""
        before = await self.model(connection, model_id)
        await rows.drop_model(connection, self.caller.user, model_id)
        await self._tell(connection, "delete", model_id, before=shown(before))

    async def model(self, connection: AsyncConnection, model_id: str) -> rows.OwnModel:
        """Return a model of the caller's own. Raises `RouteNotFoundError`."""
        found = await rows.model(connection, self.caller.user, model_id)
        if found is None:
            raise RouteNotFoundError(f"you have no model {model_id!r}", code="model_not_found", param="id")
        return found

    async def put_provider_key(
        self, connection: AsyncConnection, name: str, key: str, *, enabled: bool
    ) -> rows.ProviderKey:
        """Keep the caller's own key of a provider, in place of the one it had. Raises as `create_model` does."""
        provider = self._provider(name)
        if provider is None or provider.auth == "none":
            raise InvalidRequestError(f"{name!r} takes no key", code="takes_no_key", param="provider")
        owner, now, row_id = self.caller.user, now_us(), new_id("pkey")
        sealed, masked = self._sealed(provider, key, place(provider_keys, owner, row_id), own_host=True)
        row = rows.ProviderKey(
            id=row_id,
            user_id=owner,
            provider=provider.id,
            api_key=sealed,
            masked=masked,
            is_enabled=enabled,
            created_at=now,
            updated_at=now,
        )
        await rows.put_provider_key(connection, owner, row)
        told = {"provider": provider.id, "key": masked, "is_enabled": enabled}
        await self._tell(connection, "set_provider_key", provider.id, after=told)
        return row

    async def drop_provider_key(self, connection: AsyncConnection, name: str) -> None:
        """Forget the caller's own key of a provider. Raises `RouteNotFoundError`."""
        provider = self._provider(name)
        named = provider.id if provider is not None else name
        if not await rows.drop_provider_key(connection, self.caller.user, named):
            raise RouteNotFoundError(f"you have no key of {name!r}", code="provider_key_not_found", param="provider")
        await self._tell(connection, "delete_provider_key", named)

    def _provider(self, name: str) -> Provider | None:
        row = self.catalog.provider(name)
        if row is None and name != CUSTOM:
            near = ", ".join(one for one in self.catalog.providers if name[:3].lower() in one)[:200]
            hint = f"; near names: {near}" if near else ""
            message = f"there is no provider {name!r}: name one of the catalog, or {CUSTOM!r} with a base URL{hint}"
            raise InvalidRequestError(message, code="unknown_provider", param="provider")
        if row is not None and (row.stand_in or row.sign_in is not None):
            message = f"{row.name} cannot be brought along: it is not called with a key alone"
            raise InvalidRequestError(message, code="provider_not_possible", param="provider")
        return row

    def _check_name(self, name: str) -> None:
        if self.catalog.by_name(name) or name == "auto" or self.catalog.provider(name) is not None:
            message = f"{name!r} means something already: choose another name, such as 'my {name}'"
            raise InvalidRequestError(message, code="name_taken", param="name")

    def _check_url(self, row: rows.OwnModel, provider: Provider | None) -> None:
        if row.base_url is None:
            if provider is None or not (provider.base_url or provider.local):
                raise InvalidRequestError("'baseUrl' is needed", code="missing_field", param="baseUrl")
            return
        check_url(row.base_url, private=self.private)

    def _with_key(self, row: rows.OwnModel, provider: Provider | None, key: str | None) -> rows.OwnModel:
        if key is None:
            return row
        where = place(llm_models, row.user_id, row.id)
        sealed, masked = self._sealed(provider, key, where, own_host=row.base_url is None)
        return structs.replace(row, api_key=sealed, masked=masked)

    def _sealed(self, provider: Provider | None, key: str, where: str, *, own_host: bool) -> tuple[str, str]:
        if key.startswith("env:"):
            message = "'apiKey' must be the key itself: the environment is the operator's"
            raise InvalidRequestError(message, code="invalid_value", param="apiKey")
        looked_at = provider or Provider(id=CUSTOM, name="the server", adapter="openai_chat")
        problem = problem_with(key, looked_at, self.catalog.providers.values(), own_host=own_host)
        if problem is not None:
            raise InvalidRequestError(f"'apiKey' {problem}", code="invalid_value", param="apiKey")
        secret = Secret(key)
        return self.vault.seal(secret, where), secret.masked()

    async def _tell(self, connection: AsyncConnection, action: str, name: str, **what: Any) -> None:
        subject = f"{self.caller.user}/{name}"
        await changed(connection, self.caller, action, "own", subject, request_id=self.request_id, **what)


def check_url(url: str, *, private: bool) -> None:
    """Raise `InvalidRequestError` for what is no address of an endpoint, or at a private one where that is not welcome.

    A name that leads to a private address is refused where it is connected to.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        host = ""
    schemes = {"https", "http"} if private else {"https"}
    plain = not (parts.username or parts.password or parts.query or parts.fragment) if host else False
    if not host or parts.scheme not in schemes or not plain:
        message = "'baseUrl' must be 'https://host/path', without a user name, a query or a fragment"
        raise InvalidRequestError(message, code="invalid_value", param="baseUrl")
    if not private and (_is_private(host) or host == "localhost" or host.endswith(".localhost")):
        message = "'baseUrl' is at a private address, which [identity] private_endpoints does not allow"
        raise InvalidRequestError(message, code="address_refused", param="baseUrl")


def shown(row: rows.OwnModel) -> dict[str, Any]:
    """Return what the audit log says of a model."""
    names = ("name", "provider", "model_id", "base_url", "masked", "is_enabled", "config")
    return {name: getattr(row, name) for name in names}


def _taken(name: str) -> InvalidRequestError:
    return InvalidRequestError(f"you have a model {name!r} already", code="name_taken", param="name")


def _is_private(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return not is_public(host)
