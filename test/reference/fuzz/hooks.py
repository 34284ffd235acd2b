"""What the property tester must know of this server: ids that are taken, and what an error has to say."""

import json
import os

import schemathesis

JSON_TYPE = "application/json"
IDS = json.loads(os.environ["REFERENCE_IDS"])


@schemathesis.hook
def before_load_schema(context, raw_schema):
    """No field but those that are named; and each content type has its turn, or JSON would be one body in eleven."""
    for schema in raw_schema["components"]["schemas"].values():
        if "properties" in schema:
            schema["additionalProperties"] = False
    if os.environ.get("REFERENCE_TYPES") != "json":
        return
    for path in raw_schema["paths"].values():
        for operation in path.values():
            if "requestBody" in operation:
                content = operation["requestBody"]["content"]
                operation["requestBody"]["content"] = {JSON_TYPE: content[JSON_TYPE]}


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    """Every other value is one that the server knows, or it would hardly ever get beyond NOT_FOUND."""
    for name, ids in IDS.items():
        value = path_parameters.get(name) if path_parameters else None
        if isinstance(value, str) and len(value) % 2 == 1:
            path_parameters[name] = ids[len(value) // 2 % len(ids)]
    return path_parameters


@schemathesis.check
def error_is_named(ctx, response, case):
    """An error with an id is one that the document names, at the call or for all of them."""
    if response.status_code < 400 or not response.content:
        return
    raw = case.operation.definition.raw
    named = set(raw.get("x-errors", [])) | set(case.operation.schema.raw_schema["x-errors"])
    for detail in response.json().get("details", []):
        found = detail.get("id")
        assert found is None or found in named, f"{found} is not named at {case.operation.label}"


@schemathesis.check
def error_is_a_status(ctx, response, case):
    """What fails says so as google.rpc.Status, with the code that belongs to its HTTP status."""
    if response.status_code < 400 or response.status_code == 431:
        return
    assert response.headers.get("content-type"), f"{response.status_code} without a body"
    if not response.headers["content-type"][0].startswith(JSON_TYPE):
        return
    status = response.json()
    if isinstance(status.get("code"), int):
        assert 1 <= status["code"] <= 16 and isinstance(status.get("message", ""), str), status
