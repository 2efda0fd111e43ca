"""OpenAPI 3.1 document of the API, generated from its message types."""

from typing import Any, Final

import msgspec

from sealgrid.ados.api.messages import ApiErrorBody, ScoreRequest, TransactionReply, TransactionSummary

Document = dict[str, Any]
JSON, JSON_LD = "application/json", "application/ld+json"
_MESSAGES: Final = (ScoreRequest, TransactionReply, TransactionSummary, ApiErrorBody)
_ERRORS: Final = {
    "400": "the request is not valid, or cannot be bought",
    "401": "the API key is missing or not valid",
    "404": "there is no such model or transaction",
    "413": "the body or the data are too large",
    "429": "the key has reached its requests of an hour, or what it may spend",
    "503": "the network does not answer; try again",
}


def description(version: str) -> Document:
    """Return the document."""
    _, schemas = msgspec.json.schema_components(_MESSAGES, ref_template="#/components/schemas/{name}")
    key_header = {
        "name": "Idempotency-Key",
        "in": "header",
        "required": False,
        "schema": {"type": "string", "minLength": 1, "maxLength": 255},
        "description": "the same key again returns the same transaction, and buys nothing",
    }
    transaction = {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
    return {
        "openapi": "3.1.0",
        "info": {"title": "ADOS: data quality of sensor readings", "version": version},
        "security": [{"apiKey": []}],
        "paths": {
            "/": {
                "post": {
                    "summary": "score readings",
                    "parameters": [key_header],
                    "requestBody": {"required": True, "content": _content(_ref(ScoreRequest))},
                    "responses": _responses("201", "accepted", _ref(TransactionReply)),
                }
            },
            "/transactions": {
                "get": {
                    "summary": "the transactions of your key, oldest first",
                    "responses": _responses("200", "a list", {"type": "array", "items": _ref(TransactionSummary)}),
                }
            },
            "/transactions/{id}": {
                "get": {
                    "summary": "one transaction, with its result once it is DELIVERED",
                    "parameters": [transaction],
                    "responses": _responses("200", "its present state", _ref(TransactionReply)),
                }
            },
            "/marketplace": {
                "get": {
                    "summary": "the models on sale now, as JSON-LD",
                    "security": [],
                    "responses": _responses("200", "AOM, SSN and SOSA", {"type": "object"}, JSON_LD),
                }
            },
            "/openapi.json": {
                "get": {
                    "summary": "this document",
                    "security": [],
                    "responses": _responses("200", "OpenAPI 3.1", {"type": "object"}),
                }
            },
        },
        "components": {
            "schemas": schemas,
            "securitySchemes": {"apiKey": {"type": "http", "scheme": "bearer"}},
        },
    }


def _ref(kind: type[msgspec.Struct]) -> Document:
    return {"$ref": f"#/components/schemas/{kind.__name__}"}


def _content(schema: Document, media_type: str = JSON) -> Document:
    return {media_type: {"schema": schema}}


def _responses(status: str, what: str, schema: Document, media_type: str = JSON) -> Document:
    errors = {code: {"description": text, "content": _content(_ref(ApiErrorBody))} for code, text in _ERRORS.items()}
    return {status: {"description": what, "content": _content(schema, media_type)}} | errors
