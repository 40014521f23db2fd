"""The errors of the API. Everything that a client can be told is one of these; the server renders them as Status.

`code`, `reason` and the shape of `details` are those of the API reference ("Status"). Messages are Kubernetes' own
wording where clients and tests compare them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from podium.models import meta_v1


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with one field. `kind` is one of Kubernetes' field error types, e.g. "Invalid", "Required"."""

    kind: str
    field: str
    message: str

    _REASONS = {  # noqa: RUF012 - the enum of the wire, not state
        "Required": "FieldValueRequired",
        "Invalid": "FieldValueInvalid",
        "NotSupported": "FieldValueNotSupported",
        "Duplicate": "FieldValueDuplicate",
        "NotFound": "FieldValueNotFound",
        "Forbidden": "FieldValueForbidden",
        "TooLong": "FieldValueTooLong",
        "TooMany": "FieldValueTooMany",
        "TooFew": "FieldValueTooFew",
        "TooShort": "FieldValueTooShort",
        "TypeInvalid": "FieldValueTypeInvalid",
        "InternalError": "InternalError",
    }

    @property
    def reason(self) -> str:
        return self._REASONS[self.kind]

    def __str__(self) -> str:
        return f"{self.field}: {self.message}"


class StatusError(Exception):
    """An answer that is an error: HTTP code, machine-readable reason, message, details."""

    code = 500
    reason = "InternalError"

    def __init__(self, message: str, *, details: meta_v1.StatusDetails | None = None, retry_after: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.details = details
        self.retry_after = retry_after

    def status(self) -> meta_v1.Status:
        details = self.details
        if self.retry_after:
            details = details or meta_v1.StatusDetails()
            details.retryAfterSeconds = self.retry_after
        return meta_v1.Status(
            status="Failure", message=self.message, reason=self.reason, code=self.code, details=details
        )


def _of(resource: str, name: str, causes: tuple[meta_v1.StatusCause, ...] = ()) -> meta_v1.StatusDetails:
    """Details that name an object; `resource` is a group resource such as "deployments.apps"."""
    plural, _, group = resource.partition(".")
    return meta_v1.StatusDetails(name=name, group=group, kind=plural, causes=causes)


class BadRequest(StatusError):
    code, reason = 400, "BadRequest"


class Unauthorized(StatusError):
    code, reason = 401, "Unauthorized"

    def __init__(self, message: str = "Unauthorized") -> None:
        super().__init__(message)


class Forbidden(StatusError):
    code, reason = 403, "Forbidden"

    def __init__(self, resource: str, name: str, why: str) -> None:
        target = f"{resource} {_quoted(name)}" if name else resource
        super().__init__(
            f"{target} is forbidden: {why}" if target else f"forbidden: {why}", details=_of(resource, name)
        )


class NotFound(StatusError):
    code, reason = 404, "NotFound"

    def __init__(self, resource: str, name: str) -> None:
        super().__init__(f"{resource} {_quoted(name)} not found", details=_of(resource, name))


class PathNotFound(StatusError):
    """No such path in the API, as opposed to no such object."""

    code, reason = 404, "NotFound"

    def __init__(self) -> None:
        super().__init__("the server could not find the requested resource", details=meta_v1.StatusDetails())


class MethodNotAllowed(StatusError):
    code, reason = 405, "MethodNotAllowed"

    def __init__(self, resource: str, verb: str) -> None:
        super().__init__(f"{verb} is not supported on resources of kind {_quoted(resource)}", details=_of(resource, ""))


class NotAcceptable(StatusError):
    code, reason = 406, "NotAcceptable"


class AlreadyExists(StatusError):
    code, reason = 409, "AlreadyExists"

    def __init__(self, resource: str, name: str) -> None:
        super().__init__(f"{resource} {_quoted(name)} already exists", details=_of(resource, name))


class Conflict(StatusError):
    code, reason = 409, "Conflict"

    MODIFIED = "the object has been modified; please apply your changes to the latest version and try again"

    def __init__(self, resource: str, name: str, why: str = MODIFIED) -> None:
        super().__init__(
            f"Operation cannot be fulfilled on {resource} {_quoted(name)}: {why}", details=_of(resource, name)
        )


class Expired(StatusError):
    """The revision asked for is no longer kept: list again."""

    code, reason = 410, "Expired"


class RequestEntityTooLarge(StatusError):
    code, reason = 413, "RequestEntityTooLarge"


class UnsupportedMediaType(StatusError):
    code, reason = 415, "UnsupportedMediaType"


class Invalid(StatusError):
    code, reason = 422, "Invalid"

    def __init__(self, kind: str, name: str, errors: Sequence[FieldError]) -> None:
        """`kind` is a group kind such as "Deployment.apps"."""
        texts = list(dict.fromkeys(str(error) for error in errors))
        what = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
        plural, _, group = kind.partition(".")
        causes = tuple(
            meta_v1.StatusCause(reason=error.reason, message=error.message, field=error.field) for error in errors
        )
        super().__init__(
            f"{kind} {_quoted(name)} is invalid: {what}",
            details=meta_v1.StatusDetails(name=name, group=group, kind=plural, causes=causes),
        )
        self.errors = tuple(errors)


class TooManyRequests(StatusError):
    code, reason = 429, "TooManyRequests"


class InternalError(StatusError):
    code, reason = 500, "InternalError"


class StoreReadError(StatusError):
    """Something that is stored can't be read."""

    code, reason = 500, "StorageReadError"


class ServiceUnavailable(StatusError):
    code, reason = 503, "ServiceUnavailable"


class Timeout(StatusError):
    code, reason = 504, "Timeout"


def _quoted(name: str) -> str:
    return f'"{name}"'
