"""How the tests of every vendor reach a simulated server: on this machine only, each request counted."""

from __future__ import annotations

from ipaddress import IPv4Network

import pytest

from connectors.context import Context, NetworkRules
from tests.connectors.contract import CountingObserver

RULES = NetworkRules(allowed_networks=(IPv4Network("127.0.0.0/8"),), deadline=10)


@pytest.fixture
def observer() -> CountingObserver:
    return CountingObserver()


@pytest.fixture
def context(observer: CountingObserver) -> Context:
    return Context(observer=observer, network=RULES)
