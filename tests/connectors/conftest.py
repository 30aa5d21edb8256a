"""What the connectors' tests share."""

from __future__ import annotations

import pytest
from hypothesis import settings

pytest.register_assert_rewrite("tests.connectors.contract")
settings.register_profile("suite", deadline=None)  # a busy machine is not a defect
settings.load_profile("suite")
