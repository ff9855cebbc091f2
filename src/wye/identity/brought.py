"""What users brought along themselves, out of the vault: own keys of providers, own models."""

from decimal import Decimal
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from wye.core.errors import WyeError
from wye.core.secret import Secret
from wye.identity.own import NOTHING, Brought, BroughtModel
from wye.identity.vault import Vault
from wye.store import brought as rows
from wye.store.tables import llm_models, provider_keys

FIGURES: Final = ("temperature", "max_tokens", "context_window")


def place(table: Any, owner: str, row_id: str) -> str:
    """Return what a sealed value is bound to: where it lies, and whose it is."""
    return f"{table.name}:{owner}:{row_id}"


async def load(connection: AsyncConnection, owner: str, vault: Vault) -> Brought:
    """Return what a user brought along and has not switched off."""
    keys = {
        row.provider: key
        for row in await rows.provider_keys_of(connection, owner)
        if row.is_enabled and (key := _opened(vault, row.api_key, place(provider_keys, owner, row.id))) is not None
    }
    models = [
        made
        for row in await rows.models_of(connection, owner)
        if row.is_enabled and (made := opened_model(row, vault)) is not None
    ]
    return Brought(keys=keys, models=tuple(models)) if keys or models else NOTHING


def opened_model(row: rows.OwnModel, vault: Vault) -> BroughtModel | None:
    """Return a model with its key, `None` where that cannot be opened."""
    key = None
    if row.api_key is not None:
        key = _opened(vault, row.api_key, place(llm_models, row.user_id, row.id))
        if key is None:
            return None
    config = row.config or {}
    return BroughtModel(
        id=row.id,
        name=row.name,
        provider=row.provider,
        model_id=row.model_id,
        base_url=row.base_url,
        key=key,
        **{name: config[name] for name in FIGURES if config.get(name) is not None},
        input_cost_per_million=_price(config, "input_cost_per_million"),
        output_cost_per_million=_price(config, "output_cost_per_million"),
    )


def _price(config: dict[str, Any], name: str) -> Decimal | None:
    return None if config.get(name) is None else Decimal(str(config[name]))


def _opened(vault: Vault, sealed: str, where: str) -> Secret | None:
    try:
        return vault.open(sealed, where)
    except WyeError:
        return None
