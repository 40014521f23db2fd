"""Access and token reviews: questions to the authorizer and the authenticator, asked as objects that nobody stores."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from podium.machinery import field
from podium.machinery.errors import BadRequest, FieldError, Invalid
from podium.models import authentication_v1, authorization_v1
from podium.models.authentication_v1 import SelfSubjectReview, TokenReview, UserInfo
from podium.models.authorization_v1 import (
    LocalSubjectAccessReview,
    NonResourceAttributes,
    NonResourceRule,
    ResourceAttributes,
    ResourceRule,
    SelfSubjectAccessReview,
    SelfSubjectRulesReview,
    SubjectAccessReview,
)
from podium.models.meta_v1 import ObjectMeta
from podium.registry.metadata import match_namespace
from podium.registry.types import User
from podium.server.authentication.authenticator import Authenticator
from podium.server.authentication.tokens import TokenRefused
from podium.server.authorization.authorizer import MASTERS, Authorizer
from podium.server.authorization.rules import Attributes

_AUTHORIZATION = "authorization.k8s.io"
_INVALID_TOKEN = "invalid bearer token"  # noqa: S105 - what is said of one


class Reviews:
    """Answers reviews. Each function fills in the status of the review it is given."""

    def __init__(self, authorizer: Authorizer, authenticator: Authenticator) -> None:
        self._authorizer = authorizer
        self._authenticator = authenticator

    async def answer(self, user: User, namespace: str, review: Any) -> Any:
        """The review with its status. `namespace` is that of the request's path."""
        if isinstance(review, SubjectAccessReview | LocalSubjectAccessReview):
            self._subject_access(namespace, review)
        elif isinstance(review, SelfSubjectAccessReview):
            self._self_subject_access(user, review)
        elif isinstance(review, SelfSubjectRulesReview):
            self._self_subject_rules(user, review)
        elif isinstance(review, TokenReview):
            await self._token(review)
        elif isinstance(review, SelfSubjectReview):
            review.status.userInfo = user_info(user)
        return review

    def _subject_access(self, namespace: str, review: SubjectAccessReview | LocalSubjectAccessReview) -> None:
        spec = review.spec
        wrong = _target_errors(spec.resourceAttributes, spec.nonResourceAttributes)
        if not spec.user and not spec.groups:
            wrong.append(field.invalid("spec.user", "", "at least one of user or group must be specified"))
        if isinstance(review, LocalSubjectAccessReview):
            match_namespace(review.metadata, namespace)
            wrong += _local_errors(namespace, review)
        else:
            wrong += _metadata_errors(review.metadata)
        if wrong:
            raise Invalid(f"{review.kind}.{_AUTHORIZATION}", "", wrong)
        subject = User(spec.user, spec.groups, spec.uid, spec.extra)
        review.status = self._decided(subject, spec.resourceAttributes, spec.nonResourceAttributes)

    def _self_subject_access(self, user: User, review: SelfSubjectAccessReview) -> None:
        spec = review.spec
        wrong = _target_errors(spec.resourceAttributes, spec.nonResourceAttributes) + _metadata_errors(review.metadata)
        if wrong:
            raise Invalid(f"{review.kind}.{_AUTHORIZATION}", "", wrong)
        review.status = self._decided(user, spec.resourceAttributes, spec.nonResourceAttributes)

    def _decided(
        self, user: User, resource: ResourceAttributes | None, path: NonResourceAttributes | None
    ) -> authorization_v1.SubjectAccessReviewStatus:
        decision = self._authorizer.decide(user, _attributes(resource, path))
        return authorization_v1.SubjectAccessReviewStatus(allowed=decision.allowed, reason=decision.reason)

    def _self_subject_rules(self, user: User, review: SelfSubjectRulesReview) -> None:
        namespace = review.spec.namespace
        if not namespace:
            raise BadRequest("no namespace on request")
        resource_rules: list[ResourceRule] = []
        path_rules: list[NonResourceRule] = []
        if MASTERS in user.groups:
            resource_rules.append(ResourceRule(apiGroups=("*",), resources=("*",), verbs=("*",)))
            path_rules.append(NonResourceRule(nonResourceURLs=("*",), verbs=("*",)))
        for rule in self._authorizer.rules_for(user, namespace):
            if rule.resources:
                resource_rules.append(
                    ResourceRule(
                        apiGroups=rule.apiGroups,
                        resources=rule.resources,
                        resourceNames=rule.resourceNames,
                        verbs=rule.verbs,
                    )
                )
            if rule.nonResourceURLs:
                path_rules.append(NonResourceRule(nonResourceURLs=rule.nonResourceURLs, verbs=rule.verbs))
        review.status = authorization_v1.SubjectRulesReviewStatus(
            incomplete=False, resourceRules=_unique(resource_rules), nonResourceRules=_unique(path_rules)
        )

    async def _token(self, review: TokenReview) -> None:
        if not review.spec.token:
            raise BadRequest("token is required for TokenReview in authentication")
        try:
            user, audiences = await self._authenticator.token(review.spec.token, review.spec.audiences)
        except TokenRefused as refused:
            # two have looked at it in Kubernetes, and the first knows none but the API server's own
            why = f"[{_INVALID_TOKEN}, {refused.why}]" if refused.why else _INVALID_TOKEN
            review.status = authentication_v1.TokenReviewStatus(error=why, user=UserInfo())
            return
        review.status = authentication_v1.TokenReviewStatus(
            authenticated=True, user=user_info(user), audiences=audiences
        )


def user_info(user: User) -> UserInfo:
    return UserInfo(username=user.name, groups=user.groups, uid=user.uid, extra=dict(user.extra))


def _attributes(resource: ResourceAttributes | None, path: NonResourceAttributes | None) -> Attributes:
    if path is not None:
        return Attributes(path.verb, path=path.path)
    assert resource is not None
    return Attributes(
        resource.verb, resource.group, resource.resource, resource.subresource, resource.namespace, resource.name
    )


def _target_errors(resource: ResourceAttributes | None, path: NonResourceAttributes | None) -> list[FieldError]:
    if resource is not None and path is not None:
        why = "cannot be specified in combination with resourceAttributes"
        return [field.invalid("spec.nonResourceAttributes", "", why)]
    if resource is None and path is None:
        why = "exactly one of nonResourceAttributes or resourceAttributes must be specified"
        return [field.invalid("spec.resourceAttributes", None, why)]
    return []


def _metadata_errors(given: ObjectMeta, why: str = "must be empty") -> list[FieldError]:
    """A question has no name: nobody keeps it."""
    return [field.invalid("metadata", given, why)] if replace(given, managedFields=()) != ObjectMeta() else []


def _local_errors(namespace: str, review: LocalSubjectAccessReview) -> list[FieldError]:
    spec = review.spec
    if wrong := _metadata_errors(replace(review.metadata, namespace=""), "must be empty except for namespace"):
        return wrong
    if spec.nonResourceAttributes is not None:
        return [field.invalid("spec.nonResourceAttributes", "", "disallowed on this kind of request")]
    if spec.resourceAttributes is not None and spec.resourceAttributes.namespace != namespace:
        why = "must match metadata.namespace"
        return [field.invalid("spec.resourceAttributes.namespace", spec.resourceAttributes.namespace, why)]
    return []


def _unique(rules: list[Any]) -> tuple[Any, ...]:
    found: list[Any] = []
    for rule in rules:
        if rule not in found:
            found.append(rule)
    return tuple(found)
