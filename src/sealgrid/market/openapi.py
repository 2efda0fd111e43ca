"""What a market answers to, as an OpenAPI 3.1 document, made of what the code reads and writes."""

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from sealgrid.market.book import filters
from sealgrid.market.book.order_kinds import KINDS
from sealgrid.wire.market import (
    CategoryPage,
    CategoryReply,
    DealPage,
    Kind,
    OrderPage,
    OrderReply,
    PublishReply,
    PublishRequest,
    UnpublishReply,
    UnpublishRequest,
)

Document = dict[str, Any]
_WRITTEN: Final = (
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
    "properties": {"ok": {"const": False}, "error": {"type": "string"}, "check": {"type": "string"}},
}


def description(version: str) -> Document:
    """Return the document."""
    _, schemas = msgspec.json.schema_components(
        _WRITTEN, ref_template="#/components/schemas/{name}", schema_hook=lambda _: {"description": "any JSON"}
    )
    info = {"title": "Market of signed orders", "version": version, "description": "Paths as iExec's market API."}
    return {"openapi": "3.1.0", "info": info, "paths": _paths(), "components": {"schemas": schemas | {"Error": _ERROR}}}


def _paths() -> Document:
    paths: Document = {}
    for kind in KINDS:
        paths[f"/{kind}"] = _kind(kind)
        paths[f"/{kind}/{{orderHash}}"] = {"get": _get("one order, whatever became of it", "OrderReply", "orderHash")}
    return paths | {
        "/deals": {"get": _asks(_get("a page of deals, the newest first", "DealPage"), filters.DEAL_NAMES)},
        "/deals/{dealid}": {"get": _get("one deal", None, "dealid")},
        "/ohlc": {"get": _asks(_get("last prices of a category", None), ("category",), required=True)},
        "/categories": {"get": _asks(_get("a page of categories", "CategoryPage"), filters.CATEGORY_NAMES)},
        "/categories/{category}": {"get": _get("one category", "CategoryReply", "category")},
        "/challenge": {"get": _asks(_get("what to sign", None), ("address",), required=True)},
        "/metrics": {"get": _get("open orders of each kind", None)},
        "/version": {"get": _get("which version answers", None)},
        "/docs": {"get": _get("this document", None)},
    }


def _kind(kind: Kind) -> Document:
    one = KINDS[kind].one
    return {
        "get": _asks(_get(f"a page of open {kind}, the best first", "OrderPage"), filters.names(kind)),
        "post": _write(f"list a signed {one}", "PublishRequest", "PublishReply"),
        "put": _write(f"take own {kind} off", "UnpublishRequest", "UnpublishReply"),
    }


def _get(summary: str, answer: str | None, in_path: str = "") -> Document:
    path = [{"name": in_path, "in": "path", "required": True, "schema": _schema(in_path)}] if in_path else []
    chain = {"name": "chainId", "in": "query", "required": True, "schema": _schema("chainId")}
    return {"summary": summary, "parameters": [chain, *path], "responses": _responses(answer)}


def _asks(operation: Document, names: Iterable[str], *, required: bool = False) -> Document:
    asked = [{"name": name, "in": "query", "required": required, "schema": _schema(name)} for name in names]
    return operation | {"parameters": [*operation["parameters"], *asked]}


def _write(summary: str, body: str, answer: str) -> Document:
    token = {"name": "authorization", "in": "header", "required": True, "schema": {"type": "string"}}
    operation = _get(summary, answer)
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{body}"}}}
    return operation | {
        "parameters": [*operation["parameters"], token],
        "requestBody": {"required": True, "content": content},
    }


def _responses(answer: str | None) -> Document:
    def json(name: str | None) -> Document:
        return {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"} if name else {}}}

    return {
        "200": {"description": "it worked", "content": json(answer)},
        "default": {"description": "why not", "content": json("Error")},
    }


def _schema(name: str) -> Document:
    if name in _NUMBERS:
        return {"type": "integer", "minimum": 0}
    if name.startswith("is") or name in ("bulkOnly", filters.GROUPED):
        return {"type": "boolean"}
    if name.endswith(("Hash", "Tag")) or name == "dealid":
        return dict(_BYTES32)
    return dict(_ADDRESS)
