"""OpenAPI 3.1 document of a market, generated from its message types."""

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from sealgrid.market.book import filters
from sealgrid.market.book.order_kinds import KINDS
from sealgrid.wire.market import (
    CategoryPage,
    CategoryReply,
    DealPage,
    OrderPage,
    OrderReply,
    PublishReply,
    PublishRequest,
    UnpublishReply,
    UnpublishRequest,
)

Document = dict[str, Any]
_MESSAGES: Final = (
    OrderPage,
    OrderReply,
    PublishRequest,
    PublishReply,
    UnpublishRequest,
    UnpublishReply,
    DealPage,
    CategoryPage,
    CategoryReply,
)
_BYTES32: Final = {"type": "string", "pattern": "^0x[0-9a-fA-F]{64}$"}
_ADDRESS: Final = {"type": "string", "description": "0x and 40 hex digits; many filters take any"}
_NUMBERS: Final = {
    "chainId",
    "category",
    "page",
    "pageIndex",
    "pageSize",
    "minVolume",
    "minTrust",
    "maxTrust",
    "minWorkClockTimeRef",
    "maxWorkClockTimeRef",
}
_ERROR: Final = {
    "type": "object",
    "required": ["ok", "error"],
    "properties": {
        "ok": {"const": False},
        "error": {"type": "string"},
        "hint": {"type": "string"},
        "check": {"type": "string"},
    },
}


def description(version: str) -> Document:
    """Return the document."""
    _, schemas = msgspec.json.schema_components(
        _MESSAGES, ref_template="#/components/schemas/{name}", schema_hook=lambda _: {"description": "any JSON"}
    )
    paths: Document = {}
    for kind, rules in KINDS.items():
        find = _get(f"a page of open {kind}, the best first", "OrderPage")
        paths[f"/{kind}"] = {
            "get": _with_query(find, filters.order_parameters(kind)),
            "post": _write(f"publish a signed {rules.one}", "PublishRequest", "PublishReply"),
            "put": _write(f"withdraw own {kind}", "UnpublishRequest", "UnpublishReply"),
        }
        paths[f"/{kind}/{{orderHash}}"] = {"get": _get("one order in any status", "OrderReply", "orderHash")}
    paths |= {
        "/deals": {"get": _with_query(_get("a page of deals, the newest first", "DealPage"), filters.DEAL_PARAMETERS)},
        "/deals/{dealid}": {"get": _get("one deal", None, "dealid")},
        "/ohlc": {"get": _with_query(_get("last prices of a category", None), ("category",), required=True)},
        "/categories": {"get": _with_query(_get("a page of categories", "CategoryPage"), filters.CATEGORY_PARAMETERS)},
        "/categories/{category}": {"get": _get("one category", "CategoryReply", "category")},
        "/challenge": {"get": _with_query(_get("a challenge to sign", None), ("address",), required=True)},
        "/metrics": {"get": _get("open orders of each kind", None)},
        "/version": {"get": _get("version of the market", None)},
        "/docs": {"get": _get("this document", None)},
    }
    info = {"title": "Market of signed orders", "version": version, "description": "Paths as iExec's market API."}
    return {"openapi": "3.1.0", "info": info, "paths": paths, "components": {"schemas": schemas | {"Error": _ERROR}}}


def _get(summary: str, reply: str | None, path_parameter: str = "") -> Document:
    path = (
        [{"name": path_parameter, "in": "path", "required": True, "schema": _schema(path_parameter)}]
        if path_parameter
        else []
    )
    chain = {"name": "chainId", "in": "query", "required": True, "schema": _schema("chainId")}
    responses = {
        "200": {"description": "success", "content": _json_content(reply)},
        "default": {"description": "error", "content": _json_content("Error")},
    }
    return {"summary": summary, "parameters": [chain, *path], "responses": responses}


def _with_query(operation: Document, names: Iterable[str], *, required: bool = False) -> Document:
    parameters = [{"name": name, "in": "query", "required": required, "schema": _schema(name)} for name in names]
    return operation | {"parameters": [*operation["parameters"], *parameters]}


def _write(summary: str, body: str, reply: str) -> Document:
    token = {"name": "authorization", "in": "header", "required": True, "schema": {"type": "string"}}
    operation = _get(summary, reply)
    return operation | {
        "parameters": [*operation["parameters"], token],
        "requestBody": {"required": True, "content": _json_content(body)},
    }


def _json_content(name: str | None) -> Document:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"} if name else {}}}


def _schema(name: str) -> Document:
    if name in _NUMBERS:
        return {"type": "integer", "minimum": 0}
    if name.startswith("is") or name in ("bulkOnly", filters.GROUPED):
        return {"type": "boolean"}
    if name.endswith(("Hash", "Tag")) or name == "dealid":
        return dict(_BYTES32)
    return dict(_ADDRESS)
