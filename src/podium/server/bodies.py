"""From a request's body to what the registry takes: an object, a patch, the options of a deletion."""

from __future__ import annotations

from typing import Any, get_args

from podium.machinery import documents, field, strict
from podium.machinery.errors import BadRequest, Invalid
from podium.models.meta_v1 import DeleteOptions
from podium.registry.types import PatchType
from podium.server.exchange import Exchange
from podium.server.negotiation import body_format

_DIRECTIVES = ("$patch", "$retainKeys", "$setElementOrder/", "$deleteFromPrimitiveList/")
"""Fields of a strategic merge patch that are instructions, not content."""
_YAML_ERRORS = "yaml: unmarshal errors:\n"


async def read_object(exchange: Exchange, model: type[Any], options_kind: str) -> Any:
    """The struct that the body says; what is wrong with it is an error or a warning, as fieldValidation says."""
    kind = body_format(exchange.headers.get("Content-Type"))
    validation = field_validation(exchange, options_kind)
    body = await exchange.body()
    if kind == "protobuf":
        from podium.machinery import protobuf  # its tables take a while, and many servers never need them

        return protobuf.read(body, model)
    obj, warnings = strict.read(body, model, kind, validation)
    exchange.warnings.extend(warnings)
    return obj


def field_validation(exchange: Exchange, options_kind: str) -> strict.Validation:
    asked = exchange.query.get("fieldValidation") or "Warn"
    for known in get_args(strict.Validation):
        if asked == known:
            found: strict.Validation = known
            return found
    supported = ("", *get_args(strict.Validation))
    wrong = field.not_supported("fieldValidation", asked, supported)
    raise Invalid(f"{options_kind}.meta.k8s.io", "", [wrong])


async def read_patch(exchange: Exchange, patch_type: PatchType, model: type[Any]) -> Any:
    """The patch as a tree. Fields in it that the model doesn't know are an error or a warning."""
    validation = field_validation(exchange, "PatchOptions")
    body = await exchange.body()
    media: documents.Media = "yaml" if patch_type == "apply" else "json"
    try:
        document = documents.read(body, media, repeated=patch_type != "json" and validation != "Ignore")
    except documents.DocumentError as error:
        what = "YAML" if patch_type == "apply" else "patch"
        raise BadRequest(f"error decoding {what}: {error}") from error
    tree = document.tree
    if patch_type == "apply":  # unknown fields are the apply's own to refuse
        if document.repeated_keys and validation != "Ignore":
            why = _YAML_ERRORS + "\n".join(f"  {line}" for line in document.repeated_keys)
            if validation == "Strict":
                raise BadRequest(f"error strict decoding YAML: {why}")
            exchange.warnings.append(why)
        return tree
    if patch_type == "json":
        if not isinstance(tree, list):
            raise BadRequest(
                "error decoding patch: json: cannot unmarshal object into Go value of type jsonpatch.Patch"
            )
        return tree
    if not isinstance(tree, dict):
        raise BadRequest("error decoding patch: a patch of this type is an object")
    if validation != "Ignore":
        problems = [each for each in strict.strict_errors(document, model) if not _is_directive(each)]
        if problems and validation == "Strict":
            why = f"strict decoding error: {', '.join(problems)}"
            raise Invalid("", "", [field.invalid("patch", tree, why)])
        exchange.warnings.extend(problems)
    return tree


def _is_directive(problem: str) -> bool:
    name = problem.partition('"')[2].rstrip('"')
    return any(directive in name for directive in _DIRECTIVES)


def delete_options(exchange: Exchange, body: bytes) -> DeleteOptions:
    """The options in a deletion's body; any group's DeleteOptions will do."""
    kind = body_format(exchange.headers.get("Content-Type"))
    options: DeleteOptions
    if kind == "protobuf":
        from podium.machinery import protobuf

        options = protobuf.read(body, DeleteOptions)
    else:
        options, _ = strict.read(body, DeleteOptions, kind, "Ignore")
    if options.kind not in ("", "DeleteOptions"):
        raise BadRequest(f'{options.kind} in version "{options.apiVersion}" cannot be handled as a DeleteOptions')
    return options
