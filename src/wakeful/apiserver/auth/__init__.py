"""Who is calling, and what they may do.

Authenticators turn certificates and tokens into users; the authorizer evaluates Roles and bindings.
Not for admission: whether an object is acceptable is decided elsewhere.
"""

from wakeful.apiserver.auth.authenticators import (
    CertificateAuthenticator,
    ChainAuthenticator,
    StaticTokens,
)
from wakeful.apiserver.auth.authorizer import RBACAuthorizer
from wakeful.apiserver.auth.escalation import EscalationGuard
from wakeful.apiserver.auth.feed import RuleFeed
from wakeful.apiserver.auth.index import RoleIndex
from wakeful.apiserver.auth.policy import default_policy
from wakeful.apiserver.auth.serviceaccounts import ServiceAccountTokens

__all__ = [
    "CertificateAuthenticator",
    "ChainAuthenticator",
    "EscalationGuard",
    "RBACAuthorizer",
    "RoleIndex",
    "RuleFeed",
    "ServiceAccountTokens",
    "StaticTokens",
    "default_policy",
]
