"""What the property tester must know of this server: ids that are taken, what an error has to say, and how JSON is read."""

import copy
import json
import os

import jsonschema_rs
import schemathesis
from schemathesis.core import NotSet
from schemathesis.specs.openapi.checks import negative_data_rejection

JSON_TYPE = "application/json"
# Of a body, and of a path with its query or other headers: the tool counts neither among refusals.
TOO_LARGE = (413, 431)
IDS = json.loads(os.environ["REFERENCE_IDS"])
OWN = json.loads(os.environ["REFERENCE_OWN"])
# As the document says them, before before_load_schema has its way.
COMPONENTS = {}


@schemathesis.hook
def before_load_schema(context, raw_schema):
    """No field but those that are named; and each content type has its turn, or JSON would be one body in eleven."""
    COMPONENTS.update(copy.deepcopy(raw_schema["components"]))
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


@schemathesis.hook
def before_call(context, case, kwargs):
    """Nobody takes away the user and the token by which all is asked: the tool takes ids from answers, too."""
    for part in ("path_parameters", "body"):
        value = getattr(case, part)
        if isinstance(value, (dict, list)) and spared(value) != value:
            setattr(case, part, spared(value))


def spared(value):
    """The same with other ids in place of our own."""
    if isinstance(value, dict):
        return {name: spared(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [spared(inner) for inner in value]
    return "1" if value in OWN else value


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


@schemathesis.check
def misfit_is_refused(ctx, response, case):
    """What does not fit the document is refused, but for what the JSON mapping of protobuf reads all the same."""
    # HTTP has refused it before anybody read it.
    if response.status_code in TOO_LARGE:
        return
    try:
        negative_data_rejection(ctx, response, case)
    except AssertionError:
        if not (body_is_read(case) and query_is_read(case)):
            raise


def body_is_read(case):
    """null is a field that is not there; an enum may stand as its number, and a long number as a number."""
    content = case.operation.definition.raw.get("requestBody", {}).get("content", {})
    if JSON_TYPE not in content or isinstance(case.body, (bytes, NotSet)):
        return True
    schema = {**content[JSON_TYPE]["schema"], "components": COMPONENTS}
    errors = jsonschema_rs.Draft202012Validator(schema).iter_errors(without_nulls(case.body))
    return all(is_read(case, error) for error in errors)


def without_nulls(value):
    if isinstance(value, dict):
        return {name: without_nulls(inner) for name, inner in value.items() if inner is not None}
    return [without_nulls(inner) for inner in value] if isinstance(value, list) else value


def is_read(case, error):
    """The contract's own calls pass over the name of an enum that they do not know, as over a field."""
    found = schema_at(error.schema_path)
    is_whole = isinstance(error.instance, int) and not isinstance(error.instance, bool)
    if "enum" in found:
        return is_whole or (isinstance(error.instance, str) and case.operation.path.startswith("/v2/"))
    return is_whole and found.get("format") in ("int64", "uint64")


def schema_at(path):
    """The schema that an error is about: its path ends with the word of it that does not hold."""
    found = {"components": COMPONENTS}
    for step in path[:-1]:
        found = found[step]
    return found


def query_is_read(case):
    """A number in the place of an enum's name; what else does not fit is to be refused."""
    parameters = case.operation.definition.raw.get("parameters", [])
    schemas = {one["name"]: one["schema"] for one in parameters if one["in"] == "query"}
    for name, value in (case.query or {}).items():
        schema = {**schemas.get(name, {}), "components": COMPONENTS}
        errors = list(jsonschema_rs.Draft202012Validator(schema).iter_errors(value))
        if errors and not (str(value).isdigit() and all("enum" in schema_at(error.schema_path) for error in errors)):
            return False
    return True
