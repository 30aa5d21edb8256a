"""One page a CRM, made from what its connector declares and from what shows each line of the vendor's document: first what
somebody needs who connects it, then the reference, last the tests."""

from __future__ import annotations

from portal.ops.vendor_docs.abilities import cell, questions
from portal.ops.vendor_docs.page import MADE, vendor

__all__ = ["MADE", "cell", "questions", "vendor"]
